/** Stopping the processes of a cgroup for a while (cgroup.freeze, Linux 5.2). */

import { TsrunError } from '../errors.js';
import type { Native } from '../native/types.js';
import { waitFrozen } from './events.js';
import type { CgroupPlace } from './record.js';

/** A process in the kernel stops when it comes out of it, which a dead file server can put off. */
const FREEZE_TIMEOUT_MS = 10_000;

/**
 * Stops every process of the cgroup and below it, and waits until they stand still.
 *
 * @throws TsrunError ERR_CGROUP; they run on then
 */
export async function freeze(native: Native, cgroup: CgroupPlace): Promise<void> {
  write(native, cgroup, '1');
  try {
    if (await waitFrozen(native, cgroup, FREEZE_TIMEOUT_MS)) return;
  } catch (error) {
    write(native, cgroup, '0');
    throw error;
  }
  write(native, cgroup, '0');
  throw new TsrunError(
    'ERR_CGROUP',
    `cannot freeze cgroup ${cgroup.path}: a process in it did not stop for ${FREEZE_TIMEOUT_MS / 1000} s`,
  );
}

/** @throws TsrunError ERR_CGROUP */
export function thaw(native: Native, cgroup: CgroupPlace): void {
  write(native, cgroup, '0');
}

function write(native: Native, { path }: CgroupPlace, value: '0' | '1'): void {
  const status = native.writeText(`${path}/cgroup.freeze`, value);
  if (status === 0) return;
  throw new TsrunError(
    'ERR_CGROUP',
    `cannot write to ${path}/cgroup.freeze: ${native.strerror(-status)}`,
    { errno: -status },
  );
}
