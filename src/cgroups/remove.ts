/** Removing a container's cgroup. */

import { TsrunError } from '../errors.js';
import { EBUSY } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { delay } from '../native/wait.js';
import { isGone, isPopulated, waitEmpty } from './events.js';
import { procs } from './processes.js';
import type { CgroupPlace } from './record.js';
import { removeBelow } from './tree.js';

/** How long removeCgroup() goes on, and its pause where there is no event to wait for, in milliseconds. */
const REMOVE_TIMEOUT_MS = 10_000;
const REMOVE_PAUSE_MS = 5;

/**
 * Removes a cgroup and those below it. Processes that are being killed are
 * waited for; the caller has sent the signal. Parents stay, as with runc: they
 * may belong to somebody. One that is gone is no error.
 *
 * @throws TsrunError ERR_CGROUP, also when it is still in use after ten seconds
 */
export async function removeCgroup(
  native: Native,
  cgroup: CgroupPlace,
  timeoutMs = REMOVE_TIMEOUT_MS,
): Promise<void> {
  const deadline = native.monotonicNs() + timeoutMs * 1e6;
  let wasEmpty = false;
  for (;;) {
    const status = await removeTree(native, cgroup.path);
    if (status === 0) return;
    const left = Math.ceil((deadline - native.monotonicNs()) / 1e6);
    if (status !== -EBUSY || left <= 0) throw await notRemoved(native, cgroup, -status);
    if (isPopulated(native, cgroup)) {
      wasEmpty = false;
      await waitEmpty(native, cgroup, left);
    } else {
      // Emptied since the attempt: at once again. Twice in a row means that somebody makes
      // cgroups below, and there is no event for that.
      if (wasEmpty) await delay(native, Math.min(left, REMOVE_PAUSE_MS));
      wasEmpty = true;
    }
  }
}

/** @returns 0 when it is gone, else a negated errno */
async function removeTree(native: Native, path: string): Promise<number> {
  const status = remove(native, path);
  if (status !== -EBUSY) return status;
  const below = await removeBelow(native, path);
  return below < 0 ? below : remove(native, path);
}

/** @returns 0 when it is gone, else a negated errno */
function remove(native: Native, path: string): number {
  const status = native.rmdir(path);
  return isGone(-status) ? 0 : status;
}

async function notRemoved(native: Native, cgroup: CgroupPlace, errno: number): Promise<TsrunError> {
  let reason = native.strerror(errno);
  if (errno === EBUSY) {
    const pids = await procs(native, cgroup);
    if (pids.length > 0) reason += `, process ${pids.slice(0, 8).join(', ')} still in it`;
  }
  return new TsrunError('ERR_CGROUP', `cannot remove cgroup ${cgroup.path}: ${reason}`, { errno });
}
