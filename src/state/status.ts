/** The status of a container, which is never stored: it is what the kernel says. */

import type { Native } from '../native/types.js';
import { isFrozen } from '../cgroups/manager.js';
import { ENXIO, O_NONBLOCK, O_WRONLY } from '../native/constants.js';
import { cannotLook, isAbsent } from '../native/look.js';
import { isLocked } from './lock.js';
import { EXEC_FIFO, statePath } from './paths.js';
import { isAlive } from './proc-stat.js';
import type { StateRoot } from './root.js';
import type { ContainerSummary } from './state.js';
import { openFile } from './store.js';

export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/**
 * | state.json | exec.fifo | process      | cgroup | status   |
 * |------------|-----------|--------------|--------|----------|
 * | creating   |           | create runs  |        | creating |
 * | creating   |           | create ended |        | stopped  |
 * | created    | is read   |              |        | created  |
 * | created    |           | gone         |        | stopped  |
 * | created    |           | alive        | frozen | paused   |
 * | created    |           | alive        | thawed | running  |
 *
 * A `run` whose gate is two pipes (gate.ts) has no fifo: its container shows as running
 * from the end of its create on, a moment before its program is executed. Who may not
 * come too early waits for the lock, which `run` holds until then.
 *
 * @param holdsLock the caller has the container's exclusive lock, so no create runs
 * @throws TsrunError when one of these cannot be looked at: that is no status
 */
export function statusOf(
  native: Native,
  root: StateRoot,
  state: ContainerSummary,
  holdsLock = false,
): Status {
  if (state.phase === 'creating') {
    // An interrupted create holds no lock, and its process ends with it.
    return !holdsLock && isLocked(native, root, state.id) ? 'creating' : 'stopped';
  }
  if (waitsAtGate(native, root, state.id)) return 'created';
  if (!isAlive(native, state.pid, state.startTime)) return 'stopped';
  const { cgroupPath: path, cgroupHierarchy: hierarchy } = state;
  const cgroup = path === null ? null : { path, ...(hierarchy && { hierarchy }) };
  if (cgroup !== null && isFrozen(native, cgroup)) return 'paused';
  return 'running';
}

/**
 * Opening the fifo fails where nobody has it open for reading, which only the
 * process does that waits at the gate: with its end the kernel closes it, and a
 * `start` that was killed between opening the gate and removing the fifo leaves
 * one that nobody reads.
 */
function waitsAtGate(native: Native, root: StateRoot, id: string): boolean {
  const fd = openFile(native, root, id, EXEC_FIFO, O_WRONLY | O_NONBLOCK);
  if (fd === -ENXIO || isAbsent(fd)) return false;
  if (fd < 0) throw cannotLook(native, `open ${statePath(root, id, EXEC_FIFO)}`, fd, 'ERR_STATE');
  native.close(fd);
  return true;
}
