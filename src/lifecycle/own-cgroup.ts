/** Whose a cgroup is now that a container was made in once. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isThere } from '../cgroups/manager.js';
import type { CgroupRecord } from '../cgroups/manager.js';
import { mayLiveIn } from '../state/salvage.js';
import type { StateRoot } from '../state/root.js';
import { statusOf } from '../state/status.js';
import { findListed, findState, listIds } from '../state/store.js';
import type { ContainerState } from '../state/state.js';

/**
 * The container's cgroup. Undefined when it has none of its own, or has none
 * any more: one that was made in its place since is somebody else's.
 */
export function ownCgroup(native: Native, { cgroup }: ContainerState): CgroupRecord | undefined {
  return cgroup !== null && isThere(native, cgroup) ? cgroup : undefined;
}

/**
 * The same for what cannot be done without one.
 *
 * @param doing as in `cannot DOING container`
 * @throws TsrunError ERR_UNSUPPORTED
 */
export function requireCgroup(native: Native, state: ContainerState, doing: string): CgroupRecord {
  const cgroup = ownCgroup(native, state);
  if (cgroup !== undefined) return cgroup;
  throw new TsrunError(
    'ERR_UNSUPPORTED',
    `cannot ${doing} container "${state.id}": it has no cgroup of its own`,
  );
}

/**
 * The same of a container that must be alive for it.
 *
 * @throws TsrunError ERR_NOT_RUNNING, ERR_UNSUPPORTED
 */
export function requireLiveCgroup(
  native: Native,
  root: StateRoot,
  state: ContainerState,
  doing: string,
): CgroupRecord {
  const status = statusOf(native, root, state);
  if (status === 'stopped' || status === 'creating') {
    throw new TsrunError(
      'ERR_NOT_RUNNING',
      `cannot ${doing} container "${state.id}": container not running: ${status}`,
    );
  }
  return requireCgroup(native, state, doing);
}

/**
 * Whether another container of the same root lives in the cgroup. One that is
 * empty may be used again (linux.cgroupsPath) before the container that it was
 * made for has been deleted. True where there is no telling.
 */
export function isUsedByAnother(
  native: Native,
  root: StateRoot,
  { id, cgroup }: { id: string; cgroup: CgroupRecord | null },
): boolean {
  if (cgroup === null) return false;
  return listIds(native, root).some(
    (other) => other !== id && livesIn(native, root, other, cgroup),
  );
}

/** Not one without a summary: it is its own command's to say so. */
function livesIn(
  native: Native,
  root: StateRoot,
  id: string,
  { path, inode }: CgroupRecord,
): boolean {
  try {
    const listed = findListed(native, root, id);
    if (listed.kind !== 'state' || listed.state.cgroupPath !== path) return false;
    if (statusOf(native, root, listed.state) === 'stopped') return false;
    const found = findState(native, root, id);
    if (found.kind === 'state') return found.state.cgroup?.inode === inode;
    return found.kind === 'broken';
  } catch (error) {
    if (error instanceof TsrunError) return mayLiveIn(native, root, id, path);
    throw error;
  }
}
