/** `pause` and `resume`: stopping the processes of a container for a while. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { freeze, thaw } from '../cgroups/freezer.js';
import { isFrozen } from '../cgroups/manager.js';
import { lockContainer } from '../state/lock.js';
import type { Lock } from '../state/lock.js';
import { statusOf } from '../state/status.js';
import { loadState } from '../state/store.js';
import { notRunning } from './init-process.js';
import { requireCgroup } from './own-cgroup.js';
import type { ContainerName } from './state.js';

/**
 * Resolves when every process of the container stands still.
 *
 * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING; ERR_WRONG_STATE for one
 *   that is not started or is paused already; ERR_UNSUPPORTED without a cgroup
 *   of its own; ERR_CGROUP
 */
export async function pause(native: Native, { root, id }: ContainerName): Promise<void> {
  const lock = await lockForPause(native, { root, id });
  try {
    const state = loadState(native, root, id);
    const status = statusOf(native, root, state, true);
    if (status !== 'running') {
      const code = status === 'stopped' ? 'ERR_NOT_RUNNING' : 'ERR_WRONG_STATE';
      const reason = `container not running: ${status}`;
      throw new TsrunError(code, `cannot pause container "${id}": ${reason}`);
    }
    await freeze(native, requireCgroup(native, state, 'pause'));
  } finally {
    lock.release();
  }
}

/** An exec takes some ten milliseconds. */
const EXEC_MS = 2000;

/**
 * Exclusive: no exec is to be caught half-way, holding a lock that it cannot let go. But a container
 * can stop a process that joins it, and is not to keep itself from being paused by that.
 */
async function lockForPause(native: Native, { root, id }: ContainerName): Promise<Lock> {
  try {
    return await lockContainer(native, root, id, 'exclusive', EXEC_MS);
  } catch (error) {
    if (!(error instanceof TsrunError) || error.code !== 'ERR_STATE') throw error;
    return lockContainer(native, root, id, 'shared');
  }
}

/**
 * Takes no lock: an exec with `ignorePaused` holds it until this lets it go on.
 *
 * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING; ERR_WRONG_STATE for one
 *   that is not paused; ERR_UNSUPPORTED without a cgroup of its own; ERR_CGROUP
 */
// eslint-disable-next-line @typescript-eslint/require-await -- errors are to be rejections
export async function resume(native: Native, { root, id }: ContainerName): Promise<void> {
  const state = loadState(native, root, id);
  if (statusOf(native, root, state) === 'stopped') {
    throw notRunning('resume', id);
  }
  const cgroup = requireCgroup(native, state, 'resume');
  if (!isFrozen(native, cgroup)) {
    throw new TsrunError(
      'ERR_WRONG_STATE',
      `cannot resume container "${id}": container not paused`,
    );
  }
  thaw(native, cgroup);
}
