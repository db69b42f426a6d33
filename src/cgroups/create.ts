/**
 * Making a container's cgroup in the v2 hierarchy with plain file system calls
 * (cgroups(7); Documentation/admin-guide/cgroup-v2.rst).
 */

import { TsrunError } from '../errors.js';
import {
  EAGAIN,
  EEXIST,
  ENOENT,
  EWOULDBLOCK,
  LOCK_EX,
  O_CLOEXEC,
  O_RDONLY,
  W_OK,
  X_OK,
} from '../native/constants.js';
import { isAbsent, isDenied } from '../native/look.js';
import type { Native } from '../native/types.js';
import { isFrozen, isPopulated } from './events.js';
import { ownProcs } from './processes.js';
import type { CgroupRecord } from './record.js';

const MODE = 0o755;

/** Attempts against others that remove the same parents meanwhile. */
const CREATE_ATTEMPTS = 16;

export interface CgroupRequest {
  /** Mount point of the v2 hierarchy (findUnifiedHierarchy()). */
  root: string;
  /** Path below it, with a leading slash (cgroupPath()). */
  path: string;
  /** JSON pointer of a limit that was asked for. */
  limit?: string | undefined;
}

export interface Cgroup {
  record: CgroupRecord;
  /**
   * That directory, open for CLONE_INTO_CGROUP and for attaching programs, and
   * locked (flock(2)): no other create uses it meanwhile. The caller closes it.
   */
  fd: number;
  /** That of its subgroup, for CLONE_INTO_CGROUP in its place; also the caller's to close. */
  entranceFd?: number;
  /** Directories that were made for it, outermost first: what undoCreate() takes away. */
  created: string[];
  /** Controllers that were switched on in its own cgroup.subtree_control, which was there before. */
  passedOn?: string[];
}

/**
 * Whether the caller may make a cgroup, or use the one that is there.
 *
 * @param root mount point of the hierarchy
 * @param path absolute path of the cgroup's directory
 * @returns 0, or the negated errno of the kernel's refusal
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function canCreateCgroup(native: Native, root: string, path: string): number {
  let status = native.access(`${path}/cgroup.procs`, W_OK);
  for (let at = path; isAbsent(status) && at.length > root.length;) {
    at = at.slice(0, at.lastIndexOf('/'));
    status = native.access(at, W_OK | X_OK);
  }
  if (status === 0 || isDenied(status)) return status;
  throw cannotCreateCgroup(native, path, status);
}

/** @param limit JSON pointer of a limit that was asked for */
export function cannotCreateCgroup(
  native: Native,
  path: string,
  error: number,
  limit?: string,
): TsrunError {
  let reason = `cannot create cgroup ${path}: ${native.strerror(-error)}`;
  // cgroup_mkdir()'s way of saying so.
  if (error === -EAGAIN) reason += ' (cgroup.max.depth or cgroup.max.descendants of an ancestor)';
  const denied = isDenied(error);
  if (denied && limit !== undefined) {
    reason += `; ${limit} needs one, or a part of the hierarchy that is delegated to the caller`;
  }
  return new TsrunError(denied ? 'ERR_PERMISSION' : 'ERR_CGROUP', reason, { errno: -error });
}

/**
 * Makes the cgroup and the missing ones above it. An empty one that is there
 * already is used.
 *
 * @throws TsrunError ERR_CGROUP, and ERR_PERMISSION when it is not permitted
 */
export function createCgroup(native: Native, request: CgroupRequest): Cgroup {
  const path = request.root + request.path;
  const created: string[] = [];
  let status: number;
  try {
    status = makeDirectories(native, request.root, path, created);
  } catch (error) {
    removeDirectories(native, created);
    throw error;
  }
  const fd = status < 0 ? status : openNew(native, path, created);
  const record = fd < 0 ? fd : recordOf(native, fd, request.root, path, 'cgroupfs');
  if (typeof record !== 'number') return { record, fd, created };
  if (fd >= 0) native.close(fd);

  removeDirectories(native, created);
  throw cannotCreateCgroup(native, path, record, request.limit);
}

/** @returns a negated errno when it cannot be looked at */
function recordOf(
  native: Native,
  fd: number,
  root: string,
  path: string,
  manager: CgroupRecord['manager'],
): CgroupRecord | number {
  const stat = native.fstat(fd);
  if (typeof stat === 'number') return stat;
  const shown = native.stat(root);
  if (typeof shown === 'number') return shown;
  return { manager, path, inode: String(stat.ino), hierarchy: [root, String(shown.ino)] };
}

/**
 * Opens and locks it.
 *
 * @throws TsrunError ERR_CGROUP when another container is being created in it
 */
function openNew(native: Native, path: string, created: string[]): number {
  const fd = native.open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  try {
    const locked = native.flock(fd, LOCK_EX);
    if (locked === -EWOULDBLOCK) {
      throw new TsrunError('ERR_CGROUP', `another container is being created in cgroup ${path}`);
    }
    // What was found before it was locked may have changed.
    const usable = locked < 0 || created.includes(path) ? locked : checkReusable(native, path);
    if (usable === 0) return fd;
    native.close(fd);
    return usable;
  } catch (error) {
    native.close(fd);
    removeDirectories(native, created);
    throw error;
  }
}

/**
 * Opens a cgroup that somebody else has made for the container.
 *
 * @param root mount point of the hierarchy
 * @param below path below it, with a leading slash
 * @throws TsrunError ERR_CGROUP
 */
export function openCgroup(
  native: Native,
  root: string,
  below: string,
  manager: CgroupRecord['manager'],
): Cgroup {
  const path = root + below;
  const fd = native.open(path, O_RDONLY | O_CLOEXEC, 0);
  const record = fd < 0 ? fd : recordOf(native, fd, root, path, manager);
  if (typeof record !== 'number') return { record, fd, created: [] };
  if (fd >= 0) native.close(fd);
  throw new TsrunError('ERR_CGROUP', `cannot open cgroup ${path}: ${native.strerror(-record)}`, {
    errno: -record,
  });
}

export function closeCgroup(native: Native, { fd, entranceFd }: Cgroup): void {
  native.close(fd);
  if (entranceFd !== undefined) native.close(entranceFd);
}

/** What is made in it would never go on. */
export function frozenCgroup(path: string): TsrunError {
  return new TsrunError('ERR_CGROUP', `container's cgroup unexpectedly frozen: ${path}`);
}

/** Closes the cgroup and takes away what was made for it, as far as it is empty. */
export function undoCreate(native: Native, cgroup: Cgroup): void {
  const { record, created, passedOn = [] } = cgroup;
  // With any of them on it takes no process of a container that has no subgroup.
  for (const name of passedOn) {
    native.writeText(`${record.path}/cgroup.subtree_control`, `-${name}`);
  }
  closeCgroup(native, cgroup);
  removeDirectories(native, created);
}

function removeDirectories(native: Native, created: string[]): void {
  for (let i = created.length - 1; i >= 0; i--) {
    const directory = created[i];
    if (directory === undefined || native.rmdir(directory) < 0) return;
  }
}

/** @returns 0 or a negated errno; `created` has what was made in either case */
function makeDirectories(native: Native, root: string, path: string, created: string[]): number {
  for (let attempt = 0; attempt < CREATE_ATTEMPTS; attempt++) {
    const made = native.mkdir(path, MODE);
    if (made === 0) {
      created.push(path);
      return 0;
    }
    if (made === -EEXIST) {
      const reusable = checkReusable(native, path);
      if (reusable !== -ENOENT) return reusable;
    } else if (made === -ENOENT) {
      const parents = makeParents(native, root, path, created);
      if (parents < 0 && parents !== -ENOENT) return parents;
    } else {
      return made;
    }
  }
  return -ENOENT;
}

function makeParents(native: Native, root: string, path: string, created: string[]): number {
  for (
    let slash = path.indexOf('/', root.length + 1);
    slash !== -1;
    slash = path.indexOf('/', slash + 1)
  ) {
    const parent = path.slice(0, slash);
    const status = native.mkdir(parent, MODE);
    if (status === 0) {
      if (!created.includes(parent)) created.push(parent);
    } else if (status !== -EEXIST) {
      return status;
    }
  }
  return 0;
}

/**
 * Looks at a cgroup that is there already.
 *
 * @returns 0 when a container can be put into it, else a negated errno; -ENOENT: it has gone meanwhile
 * @throws TsrunError ERR_CGROUP when processes are in it, or it is frozen
 */
function checkReusable(native: Native, path: string): number {
  const cgroup = { path };
  const status = native.access(`${path}/cgroup.procs`, W_OK);
  if (status < 0) return status;
  if (isPopulated(native, cgroup)) {
    const pids = ownProcs(native, cgroup);
    const found =
      typeof pids === 'number' || pids.length === 0
        ? 'processes found below'
        : `${pids.length} process(es) found in`;
    throw new TsrunError('ERR_CGROUP', `container's cgroup is not empty: ${found} ${path}`);
  }
  if (isFrozen(native, cgroup)) {
    throw frozenCgroup(path);
  }
  return 0;
}
