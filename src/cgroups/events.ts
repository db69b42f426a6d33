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
  O_CLOEXEC,
  O_RDONLY,
  POLLPRI,
} from '../native/constants.js';
import { latin1 } from '../native/latin1.js';
import { cannotLook, isAbsent, readIfThere } from '../native/look.js';
import type { Native } from '../native/types.js';
import { waitFor } from '../native/wait.js';
import type { CgroupPlace, CgroupRecord } from './record.js';

/** All files that are read here fit into this many bytes. */
const FILE_MAX = 4096;

/** Whether an errno says that the cgroup is gone: its directory, or the group behind an open file. */
export function isGone(errno: number): boolean {
  return errno === ENOENT || errno === ENODEV;
}

/**
 * A path that is in no cgroup hierarchy says nothing about a cgroup: something else is mounted there.
 *
 * @param path of a cgroup that is not there
 * @throws TsrunError ERR_CGROUP
 */
function requireHierarchy(native: Native, path: string): void {
  for (let at = path; ; at = at.slice(0, Math.max(1, at.lastIndexOf('/')))) {
    const type = native.statfsType(at);
    if (type === CGROUP2_SUPER_MAGIC) return;
    if (type < 0 && !isAbsent(type)) throw cannotLook(native, `look at ${at}`, type, 'ERR_CGROUP');
    if (type >= 0 || at === '/') {
      throw new TsrunError(
        'ERR_CGROUP',
        `cannot look at cgroup ${path}: ${at} is in no hierarchy of cgroup v2`,
      );
    }
  }
}

/**
 * Whether the cgroup's path still leads to it, and not to one that was made there since.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function isThere(native: Native, { path, inode }: CgroupRecord): boolean {
  const stat = native.stat(path);
  if (typeof stat !== 'number' && String(stat.ino) === inode) return true;
  if (typeof stat !== 'number' || isAbsent(stat)) {
    requireHierarchy(native, path);
    return false;
  }
  throw cannotLook(native, `look at cgroup ${path}`, stat, 'ERR_CGROUP');
}

/** Undefined where the cgroup is gone. */
function readUnlessGone(native: Native, { path }: CgroupPlace, file: string): string | undefined {
  const text = readIfThere(native, `${path}/${file}`, FILE_MAX, 'ERR_CGROUP');
  if (text === undefined) requireHierarchy(native, path);
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
    if (isGone(-fd)) return true;
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
