/**
 * Following a cgroup's state through cgroup.events and cgroup.freeze
 * (Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files").
 *
 * The kernel reports a change of cgroup.events as POLLPRI on an open file of
 * it. What counts as a change is relative to the last reading, so the file is
 * opened and read anew before each wait, and nothing is missed in between.
 */

import { TsrunError } from '../errors.js';
import {
  CGROUP2_SUPER_MAGIC,
  ENODEV,
  ENOENT,
  EXDEV,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  POLLPRI,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../native/constants.js';
import { latin1 } from '../native/latin1.js';
import { cannotLook, isAbsent, readIfThere } from '../native/look.js';
import type { Native } from '../native/types.js';
import { waitFor } from '../native/wait.js';
import type { CgroupPlace, CgroupRecord, HierarchyRoot } from './record.js';

/** All files that are read here fit into this many bytes. */
const FILE_MAX = 4096;

/** Whether an errno says that the cgroup is gone: its directory, or the group behind an open file. */
export function isGone(errno: number): boolean {
  return errno === ENOENT || errno === ENODEV;
}

/** The hierarchy that a cgroup is in cannot be seen where it was mounted: the cgroup may be there or not. */
export class HiddenCgroup extends TsrunError {
  constructor(path: string, reason: string) {
    super('ERR_CGROUP', `cannot look at cgroup ${path}: ${reason}`);
  }
}

/**
 * A path that does not lead into the hierarchy says nothing about a cgroup: something else is mounted there.
 *
 * @param cgroup one whose path does not lead to it
 * @throws HiddenCgroup
 */
function requireHierarchy(native: Native, { path, hierarchy }: CgroupPlace): void {
  if (hierarchy !== undefined) {
    requireAbsence(native, path, hierarchy);
    return;
  }
  for (let at = path; ; at = at.slice(0, Math.max(1, at.lastIndexOf('/')))) {
    const type = native.statfsType(at);
    if (type === CGROUP2_SUPER_MAGIC) return;
    if (type < 0 && !isAbsent(type)) throw cannotLook(native, `look at ${at}`, type, 'ERR_CGROUP');
    if (type >= 0 || at === '/') {
      throw new HiddenCgroup(path, `${at} is in no hierarchy of cgroup v2`);
    }
  }
}

function requireAbsence(native: Native, path: string, [root, inode]: HierarchyRoot): void {
  const cannot = (at: string, status: number): TsrunError =>
    isAbsent(status)
      ? new HiddenCgroup(path, `${root} is in no hierarchy of cgroup v2`)
      : cannotLook(native, `look at ${at}`, status, 'ERR_CGROUP');
  const fd = native.open(root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) throw cannot(root, fd);
  try {
    const type = native.fstatfsType(fd);
    if (type < 0) throw cannot(root, type);
    if (type !== CGROUP2_SUPER_MAGIC) throw cannot(root, -ENOENT);
    const stat = native.fstat(fd);
    if (typeof stat === 'number') throw cannot(root, stat);
    if (String(stat.ino) !== inode) {
      throw new HiddenCgroup(path, `${root} shows another part of the hierarchy`);
    }
    const below = path.slice(root.length).replace(/^\/+/, '');
    const at = native.openat2(fd, below, O_PATH | O_CLOEXEC, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    // With another inode number it was made there since.
    if (at >= 0) native.close(at);
    else if (at === -EXDEV) throw new HiddenCgroup(path, `something is mounted on its path`);
    else if (!isAbsent(at)) throw cannot(`cgroup ${path}`, at);
  } finally {
    native.close(fd);
  }
}

/**
 * Whether the cgroup's path still leads to it, and not to one that was made there since.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function isThere(native: Native, cgroup: CgroupRecord): boolean {
  const { path, inode } = cgroup;
  const stat = native.stat(path);
  if (typeof stat !== 'number' && String(stat.ino) === inode) return true;
  if (typeof stat !== 'number' || isAbsent(stat)) {
    requireHierarchy(native, cgroup);
    return false;
  }
  throw cannotLook(native, `look at cgroup ${path}`, stat, 'ERR_CGROUP');
}

/** Undefined where the cgroup is gone. */
function readUnlessGone(native: Native, cgroup: CgroupPlace, file: string): string | undefined {
  const text = readIfThere(native, `${cgroup.path}/${file}`, FILE_MAX, 'ERR_CGROUP');
  if (text === undefined) requireHierarchy(native, cgroup);
  return text;
}

/**
 * Whether a process lives in the cgroup or below it. A cgroup that is gone has none.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function isPopulated(native: Native, cgroup: CgroupPlace): boolean {
  const text = readUnlessGone(native, cgroup, 'cgroup.events');
  return text !== undefined && hasLine(text, 'populated 1');
}

/**
 * Whether the cgroup has been told to freeze (pause, or freeze()). One that is
 * gone has not, and neither has one that stands still because of an ancestor.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function isFrozen(native: Native, cgroup: CgroupPlace): boolean {
  return readUnlessGone(native, cgroup, 'cgroup.freeze')?.startsWith('1') === true;
}

/**
 * Waits until no process lives in the cgroup or below it.
 *
 * @returns false when there still was one after timeoutMs
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function waitEmpty(
  native: Native,
  cgroup: CgroupPlace,
  timeoutMs: number,
): Promise<boolean> {
  return waitForLine(native, cgroup, 'populated 0', timeoutMs);
}

/** Waits until every process of a cgroup that was told to freeze stands still; see waitEmpty(). */
export function waitFrozen(
  native: Native,
  cgroup: CgroupPlace,
  timeoutMs: number,
): Promise<boolean> {
  return waitForLine(native, cgroup, 'frozen 1', timeoutMs);
}

/** A cgroup that is gone is as good as the line. */
async function waitForLine(
  native: Native,
  cgroup: CgroupPlace,
  line: string,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = native.monotonicNs() + timeoutMs * 1e6;
  const file = `${cgroup.path}/cgroup.events`;
  const failed = (doing: string, status: number): TsrunError =>
    cannotLook(native, `${doing} ${file}`, status, 'ERR_CGROUP');
  for (;;) {
    const fd = native.open(file, O_RDONLY | O_CLOEXEC, 0);
    if (isGone(-fd)) {
      requireHierarchy(native, cgroup);
      return true;
    }
    if (fd < 0) throw failed('open', fd);
    try {
      const data = native.read(fd, FILE_MAX);
      if (typeof data === 'number') {
        if (isGone(-data)) return true;
        throw failed('read', data);
      }
      if (hasLine(latin1(data), line)) return true;
      const left = Math.ceil((deadline - native.monotonicNs()) / 1e6);
      if (left <= 0) return false;
      // Whatever comes, the file has the last word.
      const events = await waitFor(native, fd, POLLPRI, left);
      if (events < 0) throw failed('wait for a change of', events);
    } finally {
      native.close(fd);
    }
  }
}

function hasLine(text: string, line: string): boolean {
  return text.startsWith(`${line}\n`) || text.includes(`\n${line}\n`);
}
