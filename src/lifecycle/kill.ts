/** `kill`: a signal to a container. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isPopulated, killAll } from '../cgroups/manager.js';
import { ESRCH, SIGKILL } from '../native/constants.js';
import type { StateRoot } from '../state/root.js';
import { statusOf } from '../state/status.js';
import { loadState } from '../state/store.js';
import type { ContainerState } from '../state/state.js';
import { notRunning, openInit } from './init-process.js';
import { isUsedByAnother, ownCgroup } from './own-cgroup.js';
import type { ContainerName } from './state.js';

export interface KillOptions extends ContainerName {
  /** Number of the signal; 0 only asks whether the process is there. */
  signal: number;
  /** Every process of the container's cgroup, not just the first one of the container. */
  all?: boolean;
}

/**
 * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING `container not running`,
 *   which callers match; ERR_UNSUPPORTED for `all` without a cgroup
 */
export async function kill(native: Native, options: KillOptions): Promise<void> {
  const { root, id, signal } = options;
  const state = loadState(native, root, id);
  const status = statusOf(native, root, state);
  if (status === 'creating') throw notRunning('signal', state.id);
  // Without a pid namespace of its own, others may outlive its first process.
  const isRest = status === 'stopped' && signal === SIGKILL && !state.newPidNamespace;
  if (options.all === true || isRest) {
    await signalEverything(native, root, state, signal, status === 'stopped');
    return;
  }
  if (status === 'stopped') throw notRunning('signal', state.id);
  // Without a pid namespace of its own nobody else would end the other processes.
  const cgroup = ownCgroup(native, state);
  if (signal === SIGKILL && cgroup !== undefined && !state.newPidNamespace) {
    await killAll(native, cgroup, signal);
    return;
  }
  signalInit(native, state, signal);
}

async function signalEverything(
  native: Native,
  root: StateRoot,
  state: ContainerState,
  signal: number,
  stopped: boolean,
): Promise<void> {
  const cgroup = ownCgroup(native, state);
  if (cgroup === undefined) {
    if (stopped) throw notRunning('signal', state.id);
    // The kernel ends all of a pid namespace with its first process; other signals it does not spread.
    if (signal !== SIGKILL || !state.newPidNamespace) {
      throw new TsrunError(
        'ERR_UNSUPPORTED',
        `cannot signal all processes of container "${state.id}": it has no cgroup of its own`,
      );
    }
    signalInit(native, state, signal);
    return;
  }
  if (stopped && (!isPopulated(native, cgroup) || isUsedByAnother(native, root, state))) {
    throw notRunning('signal', state.id);
  }
  await killAll(native, cgroup, signal);
}

function signalInit(native: Native, state: ContainerState, signal: number): void {
  const pidfd = openInit(native, state);
  if (pidfd === undefined) throw notRunning('signal', state.id);
  const sent = native.pidfdKill(pidfd, signal);
  native.close(pidfd);
  if (sent === -ESRCH) throw notRunning('signal', state.id);
  if (sent < 0) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `cannot send signal ${signal} to container "${state.id}": ${native.strerror(-sent)}`,
      { errno: -sent },
    );
  }
}
