/** Where this host has the cgroup v2 hierarchy, and where in it the caller is. */

import { CGROUP2_SUPER_MAGIC, EACCES } from '../native/constants.js';
import { cannotLook, isAbsent, readIfThere, readOrThrow } from '../native/look.js';
import type { Native } from '../native/types.js';

export interface UnifiedHierarchy {
  /** Mount point of the v2 hierarchy. */
  root: string;
  /** `unified`: it is /sys/fs/cgroup itself; `hybrid`: somewhere else, beside v1 hierarchies. */
  layout: 'unified' | 'hybrid';
}

/** The largest /proc/PID/mountinfo that is read, in bytes; a host with 10,000 mounts has about 2 MB. */
export const MOUNTINFO_MAX = 16 * 1024 * 1024;
/** The same of /proc/PID/cgroup: a path of 4 KiB at most for each hierarchy. */
const CGROUP_FILE_MAX = 1024 * 1024;

/**
 * Finds the cgroup v2 hierarchy at its usual places, else anywhere.
 *
 * @returns undefined when it is not mounted
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function findUnifiedHierarchy(native: Native): UnifiedHierarchy | undefined {
  if (isUnified(native, '/sys/fs/cgroup')) return { root: '/sys/fs/cgroup', layout: 'unified' };
  if (isUnified(native, '/sys/fs/cgroup/unified')) {
    return { root: '/sys/fs/cgroup/unified', layout: 'hybrid' };
  }
  const root = unifiedMountPoint(readMountinfo(native));
  return root === undefined ? undefined : { root, layout: 'hybrid' };
}

function isUnified(native: Native, path: string): boolean {
  const type = native.statfsType(path);
  if (type >= 0 || isAbsent(type) || type === -EACCES) return type === CGROUP2_SUPER_MAGIC;
  throw cannotLook(native, `look at ${path}`, type, 'ERR_CGROUP');
}

function readMountinfo(native: Native): string {
  return readOrThrow(native, '/proc/self/mountinfo', MOUNTINFO_MAX, 'ERR_CGROUP');
}

/**
 * The mount point of a whole cgroup2 file system in the text of
 * /proc/PID/mountinfo (proc_pid_mountinfo(5)). The last one wins: it is on top
 * where two have the same place.
 */
export function unifiedMountPoint(mountinfo: string): string | undefined {
  // Another root is a part of the hierarchy, where /proc/PID/cgroup's paths do not lead.
  const whole = parseMountinfo(mountinfo).filter(
    ({ type, root }) => type === 'cgroup2' && root === '/',
  );
  return whole[whole.length - 1]?.point;
}

/**
 * Whether the v2 hierarchy has the option `nsdelegate` (cgroups(7), "Cgroup delegation: mounting
 * with the nsdelegate option"), which each of its mounts shows.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function hasNsdelegate(native: Native): boolean {
  const entries = parseMountinfo(readMountinfo(native));
  const { options = [] } = entries.find(({ type }) => type === 'cgroup2') ?? {};
  return options.includes('nsdelegate');
}

/**
 * Mount points of the v1 hierarchies, by the names of their controllers.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function v1Mounts(native: Native): Map<string, string> {
  const found = new Map<string, string>();
  for (const { type, point, options } of parseMountinfo(readMountinfo(native))) {
    if (type !== 'cgroup') continue;
    for (const name of options) found.set(name, point);
  }
  return found;
}

export interface MountEntry {
  /** As in the mnt_id of /proc/PID/fdinfo. */
  id: string;
  /** The directory of the file system that is mounted. */
  root: string;
  point: string;
  type: string;
  /** Of the file system, which all of its mounts share. */
  options: string[];
}

/** The lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)), a mount on top of another behind that. */
export function parseMountinfo(mountinfo: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of mountinfo.split('\n')) {
    // ID PARENT MAJ:MIN ROOT MOUNT-POINT OPTIONS [OPTIONAL ...] - TYPE SOURCE SUPER-OPTIONS
    const dash = line.indexOf(' - ');
    const [id, , , root, point] = line.slice(0, Math.max(dash, 0)).split(' ');
    const [type = ''] = line.slice(dash + 3).split(' ');
    if (id === undefined || root === undefined || point === undefined) continue;
    const options = line.slice(line.lastIndexOf(' ') + 1).split(',');
    entries.push({ id, root: unescape(root), point: unescape(point), type, options });
  }
  return entries;
}

/** Space, tab, newline and backslash are three octal digits in mountinfo. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(parseInt(octal, 8)),
  );
}

/**
 * The v2 cgroup of a process, as /proc/PID/cgroup gives it (cgroups(7)): a path
 * below the root of the caller's cgroup namespace, with a leading slash.
 *
 * @param pid a process id, or `self`
 * @returns undefined when there is none: no such process, or no v2 hierarchy
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function cgroupOf(native: Native, pid: number | 'self'): string | undefined {
  const read = pid === 'self' ? readOrThrow : readIfThere;
  const text = read(native, `/proc/${pid}/cgroup`, CGROUP_FILE_MAX, 'ERR_CGROUP');
  return text === undefined ? undefined : unifiedEntry(text);
}

/** The path on the `0::` line of /proc/PID/cgroup. */
export function unifiedEntry(text: string): string | undefined {
  for (const line of text.split('\n')) {
    if (line.startsWith('0::')) return line.slice(3);
  }
  return undefined;
}
