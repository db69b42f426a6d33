/**
 * Which boot of the machine a state is of. In a directory that outlives one, a process of today may
 * have the pid and, counted from its own boot, the start time of a process of then.
 */

import { cannotLook } from '../native/look.js';
import type { Native } from '../native/types.js';
import { outlivesBoot } from './root.js';
import type { StateRoot } from './root.js';
import type { ContainerDetails, ContainerSummary } from './state.js';

/** random(4): another one each time the machine starts. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** @throws TsrunError ERR_SYSTEM when it cannot be read */
export function bootId(native: Native): string {
  const text = native.readText(BOOT_ID, 4096);
  if (typeof text === 'number') throw cannotLook(native, `read ${BOOT_ID}`, text);
  return text.trim();
}

/** The field of a new state. */
export function bootOf(native: Native, root: StateRoot): { boot?: string } {
  return outlivesBoot(native, root) ? { boot: bootId(native) } : {};
}

/** A state of an earlier boot has no process any more, no cgroup, and no unit of systemd's. */
export function ofThisBoot<T extends ContainerSummary & Partial<ContainerDetails>>(
  native: Native,
  root: StateRoot,
  state: T,
): T {
  if (state.boot === undefined || state.boot === (root.boot ??= bootId(native))) return state;
  const { scope: _scope, ...rest } = state;
  const gone = { pid: 0, startTime: 0, cgroupPath: null };
  return { ...rest, ...gone, ...('cgroup' in state ? { cgroup: null } : {}) } as T;
}
