/** `start`: opens the gate of a created container. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { POLLIN, SIGKILL } from '../native/constants.js';
import { cannotLook } from '../native/look.js';
import { waitFor } from '../native/wait.js';
import { lockContainer } from '../state/lock.js';
import { EXEC_FIFO, EXEC_REPORT, statePath } from '../state/paths.js';
import { statusOf } from '../state/status.js';
import type { Status } from '../state/status.js';
import { loadState, stateError } from '../state/store.js';
import type { ContainerState } from '../state/state.js';
import type { Created } from './create.js';
import { closeGate, passGate } from './gate.js';
import { hookDirectory, hookState } from './hook-state.js';
import { runHooks } from './hooks.js';
import { openInit } from './init-process.js';
import { NotifyRelay } from './notify.js';
import type { ContainerName } from './state.js';

/** How long a container that was killed may take to end. */
const KILL_TIMEOUT_MS = 10_000;

export interface StartOptions extends ContainerName {
  /** NOTIFY_SOCKET of the caller, for a container that was created with `notify`. */
  notifySocket?: string;
  /** What a create with keepLock gave, which then need not be found out again. Its lock is released. */
  created?: Created;
  /** Environment of the hooks that have none of their own. Default: an empty one. */
  hookEnvironment?: () => readonly string[];
  /** Told of what is left, though the program runs. Default: nobody is told. */
  warn?: (message: string) => void;
}

export interface Started {
  /**
   * Settled when the container has said READY=1 and the caller's socket has
   * been told, or when it has ended without. Absent without a notify socket.
   */
  ready?: Promise<void>;
}

/**
 * Resolves when the program runs. After a failure the container is stopped,
 * and is still to be deleted.
 *
 * @throws TsrunError ERR_NOT_FOUND; ERR_WRONG_STATE when it is not created;
 *   ERR_EXEC when the program cannot be run; ERR_HOOK of a startContainer or
 *   poststart hook
 */
export async function start(native: Native, options: StartOptions): Promise<Started> {
  const { root, id, created } = options;
  const lock = created?.lock ?? (await lockContainer(native, root, id, 'exclusive'));
  let state: ContainerState;
  let pidfd = -1;
  let relay: NotifyRelay | undefined;
  try {
    if (created?.lock === undefined) {
      state = loadState(native, root, id);
      const status = statusOf(native, root, state, true);
      if (status !== 'created') throw wrongState(id, status);
      const opened = openInit(native, state);
      if (opened === undefined) throw wrongState(id, 'stopped');
      pidfd = opened;
    } else {
      ({ state } = created);
      pidfd = native.dup(created.pidfd);
      if (pidfd < 0) throw cannotLook(native, `start container "${id}"`, pidfd);
    }
    if (options.notifySocket !== undefined) {
      relay = NotifyRelay.open(native, lock.fd, options.notifySocket);
    }
    const gate = created?.gate;
    await passGate(native, root, state, pidfd, gate);
    // The gate first: its absence is what makes the container a running one.
    for (const fifo of gate === undefined ? [EXEC_FIFO, EXEC_REPORT] : []) {
      // The program runs, and a fifo that nobody reads does no harm until `delete` takes it away.
      if (native.unlinkAt(lock.fd, fifo, 0) >= 0) continue;
      const unlinked = native.unlinkAt(lock.fd, fifo, 0);
      if (unlinked < 0) {
        const path = statePath(root, id, fifo);
        options.warn?.(stateError(native, 'cannot remove', path, unlinked).message);
      }
    }
  } catch (error) {
    relay?.close();
    if (pidfd >= 0) native.close(pidfd);
    throw error;
  } finally {
    // Before the poststart hooks, which may call us.
    lock.release();
    if (created?.gate !== undefined) closeGate(native, created.gate);
  }

  try {
    if (state.hooks.poststart.length > 0) {
      await runHooks(native, {
        kind: 'poststart',
        hooks: state.hooks.poststart,
        state: hookState(state, 'running'),
        cwd: hookDirectory(native, state.bundle),
        environment: options.hookEnvironment,
      });
    }
  } catch (error) {
    // runtime.md, Lifecycle, step 9: an error, and the container is stopped.
    native.pidfdKill(pidfd, SIGKILL);
    await waitFor(native, pidfd, POLLIN, KILL_TIMEOUT_MS, true);
    native.close(pidfd);
    relay?.close();
    throw error;
  }
  if (relay === undefined) {
    native.close(pidfd);
    return {};
  }
  return { ready: relay.relay(state.pid, pidfd).finally(() => native.close(pidfd)) };
}

function wrongState(id: string, status: Exclude<Status, 'created'>): TsrunError {
  const reason = {
    creating: 'it is still being created',
    running: 'it is running already',
    paused: 'it is paused',
    stopped: 'it has stopped',
  }[status];
  return new TsrunError('ERR_WRONG_STATE', `cannot start container "${id}": ${reason}`);
}
