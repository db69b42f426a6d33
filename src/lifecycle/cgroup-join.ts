/** How the first process of a container comes into its cgroup. */

import type { Native, SpawnRequest, Spawned } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { entrance, makeThreaded, moveInto } from '../cgroups/manager.js';
import type { Cgroup, CgroupRecord } from '../cgroups/manager.js';
import { makeSubgroup } from '../cgroups/subgroup.js';
import { EOPNOTSUPP } from '../native/constants.js';
import { configureCgroup, passControllersOn } from './container-cgroup.js';
import type { CgroupDemand } from './container-cgroup.js';
import type { NewScope } from './scope.js';
import type { OpenFds } from './undo.js';

/** Its directory, for CLONE_INTO_CGROUP. */
export function entranceFd({ fd, entranceFd: below }: Cgroup): number {
  return below ?? fd;
}

/** Native.spawn(), where a cgroup below a threaded one takes no process before it is threaded, too. */
export function spawnInCgroup(
  native: Native,
  request: SpawnRequest,
  cgroup: Cgroup,
): Spawned | number {
  const spawned = native.spawn(request);
  if (spawned !== -EOPNOTSUPP || !becomesThreaded(native, cgroup.record)) return spawned;
  return native.spawn(request);
}

/** @throws TsrunError ERR_CGROUP */
export function moveIntoCgroup(native: Native, { record }: Cgroup, pid: number): void {
  const place = entrance(record);
  try {
    moveInto(native, place, pid);
  } catch (error) {
    const isInvalid = error instanceof TsrunError && error.errno === EOPNOTSUPP;
    if (!isInvalid || !becomesThreaded(native, record)) throw error;
    moveInto(native, place, pid);
  }
}

/** A leaf cgroup follows the one above it. */
function becomesThreaded(native: Native, record: CgroupRecord): boolean {
  const made = makeThreaded(native, record);
  return record.subgroup === undefined ? made : makeThreaded(native, entrance(record));
}

/**
 * systemd makes the unit around the process, which waits in the cgroup of its caller.
 *
 * @param fds owns the descriptors of the cgroup
 * @param save called when the cgroup is there
 * @throws TsrunError ERR_CGROUP
 */
export async function joinScope(
  native: Native,
  scope: NewScope,
  pid: number,
  demand: CgroupDemand,
  fds: OpenFds,
  save: (record: CgroupRecord) => void,
): Promise<void> {
  const cgroup = await scope.enter(pid);
  fds.add(cgroup.fd);
  if (demand.subgroup) {
    makeSubgroup(native, cgroup);
    if (cgroup.entranceFd !== undefined) fds.add(cgroup.entranceFd);
  }
  save(cgroup.record);
  const { root } = scope.place;
  if (demand.subgroup) {
    // With a process in it the scope would become the root of threaded cgroups.
    moveIntoCgroup(native, cgroup, pid);
    passControllersOn(native, cgroup, root);
  }
  configureCgroup(native, cgroup, root, { ...demand, writes: scope.writes });
}
