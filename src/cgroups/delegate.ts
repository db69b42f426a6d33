/**
 * Giving a cgroup to the user of the container, so that an init system inside
 * can manage its own part of the hierarchy.
 *
 * Source: runtime-spec config-linux.md, "Cgroup ownership"; cgroups(7), "Cgroup
 * delegation". When to do so is the caller's decision: the container gets a new
 * cgroup namespace and has the cgroup mounted for writing.
 */

import { TsrunError } from '../errors.js';
import { ENOENT } from '../native/constants.js';
import { readIfThere } from '../native/look.js';
import type { Native } from '../native/types.js';
import type { CgroupPlace } from './record.js';

const DELEGATE_FILE = '/sys/kernel/cgroup/delegate';
const DELEGATE_FILE_MAX = 64 * 1024;

/** For kernels without the file (before Linux 4.15); the spec's list. */
const DELEGATE_FALLBACK = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];

/**
 * Makes `uid` the owner of the cgroup's directory and of the files that the
 * kernel lists for it, and of no others: those would let the container raise
 * its own limits. The group stays.
 *
 * @param uid the host's number of the container's process.user.uid
 * @throws TsrunError ERR_CGROUP
 */
export function delegateCgroup(native: Native, cgroup: CgroupPlace, uid: number): void {
  give(native, cgroup.path, uid);
  for (const file of delegatedFiles(native)) give(native, `${cgroup.path}/${file}`, uid);
}

/**
 * Names of the files of a cgroup that whom it is delegated to may write.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function delegatedFiles(native: Native): string[] {
  const text = readIfThere(native, DELEGATE_FILE, DELEGATE_FILE_MAX, 'ERR_CGROUP');
  const files = text === undefined ? DELEGATE_FALLBACK : text.split('\n');
  return files.filter((file) => file !== '');
}

function give(native: Native, path: string, uid: number): void {
  const status = native.chown(path, uid, -1);
  // Not every cgroup has every file of the list.
  if (status === 0 || status === -ENOENT) return;
  throw new TsrunError(
    'ERR_CGROUP',
    `cannot give ${path} to user ${uid}: ${native.strerror(-status)}`,
    { errno: -status },
  );
}
