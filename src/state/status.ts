/** The status of a container, which is never stored: it is what the kernel says. */

import type { Native } from '../native/types.js';
import { isFrozen } from '../cgroups/manager.js';
import { O_CLOEXEC, O_NONBLOCK, O_WRONLY } from '../native/constants.js';
import { isLocked } from './lock.js';
import { statePaths } from './paths.js';
import { isAlive } from './proc-stat.js';
import type { ContainerState } from './state.js';

export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/**
 * | state.json | process      | exec.fifo | cgroup | status   |
 * |------------|--------------|-----------|--------|----------|
 * | creating   | create runs  |           |        | creating |
 * | creating   | create ended |           |        | stopped  |
 * | created    | gone         |           |        | stopped  |
 * | created    | alive        | there     |        | created  |
 * | created    | alive        | gone      | frozen | paused   |
 * | created    | alive        | gone      | thawed | running  |
 *
 * @param holdsLock the caller has the container's exclusive lock, so no create runs
 */
export function statusOf(
  native: Native,
  root: string,
  state: ContainerState,
  holdsLock = false,
): Status {
  if (state.phase === 'creating') {
    // An interrupted create holds no lock, and its process ends with it.
    return !holdsLock && isLocked(native, root, state.id) ? 'creating' : 'stopped';
  }
  if (!isAlive(native, state.pid, state.startTime)) return 'stopped';
  if (waitsAtGate(native, statePaths(root, state.id).execFifo)) return 'created';
  if (state.cgroup !== null && isFrozen(native, state.cgroup)) return 'paused';
  return 'running';
}

/**
 * Opening the fifo fails where nobody has it open for reading: a `start` that
 * was killed between opening the gate and removing the fifo leaves one behind.
 */
function waitsAtGate(native: Native, execFifo: string): boolean {
  const fd = native.open(execFifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd >= 0) native.close(fd);
  return fd >= 0;
}
