/** `ps`: the processes of a container. */

import type { Native } from '../native/types.js';
import { procs } from '../cgroups/manager.js';
import { statusOf } from '../state/status.js';
import { loadState } from '../state/store.js';
import { isUsedByAnother, ownCgroup } from './own-cgroup.js';
import type { ContainerName } from './state.js';

/**
 * Pids as the caller sees them: all of the container's cgroup and those below
 * it; without a cgroup of its own only that of the first process.
 *
 * @returns none of a container that has stopped
 * @throws TsrunError ERR_NOT_FOUND, ERR_CGROUP
 */
export async function ps(native: Native, { root, id }: ContainerName): Promise<number[]> {
  const stored = loadState(native, root, id);
  const stopped = statusOf(native, root, stored) === 'stopped';
  const cgroup = ownCgroup(native, stored);
  if (stopped) {
    // In a shared pid namespace others outlive the first process.
    const isOwn = cgroup !== undefined && !isUsedByAnother(native, root, stored);
    return isOwn ? procs(native, cgroup) : [];
  }
  return cgroup === undefined ? [stored.pid] : procs(native, cgroup);
}
