/**
 * A cgroup for the container's processes below the one that has its limits.
 *
 * A cgroup namespace has the cgroup in which it is made as its root, and shows nothing above.
 * Where a container's root owns the files of its limits, and the hierarchy is mounted without
 * `nsdelegate` (Documentation/admin-guide/cgroup-v2.rst, "Delegation"), that is all that keeps
 * them from it: it can mount the hierarchy once more, in a user namespace of its own if need be.
 */

import { TsrunError } from '../errors.js';
import { EEXIST, O_CLOEXEC, O_RDONLY } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { frozenCgroup } from './create.js';
import type { Cgroup } from './create.js';
import { isFrozen } from './events.js';
import { entrance } from './record.js';

/** The name that crun gives it under systemd, which managers know. */
export const SUBGROUP = 'container';

const MODE = 0o755;

/**
 * Makes it, and has it be where the cgroup's processes go (entrance()).
 *
 * @throws TsrunError ERR_CGROUP
 */
export function makeSubgroup(native: Native, cgroup: Cgroup): void {
  const { path } = entrance({ ...cgroup.record, subgroup: SUBGROUP });
  let made = native.mkdir(path, MODE);
  // An earlier container could write to its files, and is not to say what binds this one.
  if (made === -EEXIST && native.rmdir(path) === 0) made = native.mkdir(path, MODE);
  if (made === 0) cgroup.created.push(path);
  else if (made !== -EEXIST) throw failed(native, path, made);
  else if (isFrozen(native, { path })) throw frozenCgroup(path);
  const fd = native.open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) throw failed(native, path, fd);
  cgroup.record.subgroup = SUBGROUP;
  cgroup.entranceFd = fd;
}

function failed(native: Native, path: string, status: number): TsrunError {
  return new TsrunError('ERR_CGROUP', `cannot create cgroup ${path}: ${native.strerror(-status)}`, {
    errno: -status,
  });
}
