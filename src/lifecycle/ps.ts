/** `ps`: the processes of a container. */

import type { Native } from '../native/types.js';
import { procs } from '../cgroups/manager.js';
import { statusOf } from '../state/status.js';
import { loadState } from '../state/store.js';
import { TsrunError } from '../errors.js';
import { ownCgroup } from './own-cgroup.js';
import type { ContainerName } from './state.js';

/**
 * Pids as the caller sees them: all of the container's cgroup and those below
 * it; without a cgroup of its own only that of the first process.
 *
 * @throws TsrunError ERR_NOT_FOUND, ERR_NOT_RUNNING, ERR_CGROUP
 */
export async function ps(native: Native, { root, id }: ContainerName): Promise<number[]> {
  const stored = loadState(native, root, id);
  if (statusOf(native, root, stored) === 'stopped') {
    throw new TsrunError(
      'ERR_NOT_RUNNING',
      `cannot list processes of "${id}": container not running`,
    );
  }
  const cgroup = ownCgroup(native, stored);
  return cgroup === undefined ? [stored.pid] : procs(native, cgroup);
}
