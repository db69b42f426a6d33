/**
 * linux.cgroupsPath: the place of a container in the cgroup v2 hierarchy.
 *
 * Source: runtime-spec config-linux.md, "Cgroups Path"; cgroups(7). An absolute
 * path counts from the root of the hierarchy. A relative one counts from the
 * parent of the runtime's own cgroup, as with runc: the runtime's own cgroup
 * has processes in it, and the kernel allows no limits below such a one.
 */

import { TsrunError } from '../errors.js';

/** The kernel's NAME_MAX and PATH_MAX, in bytes. */
const NAME_MAX = 255;
const PATH_MAX = 4096;

export interface CgroupPathRequest {
  /** linux.cgroupsPath; absent and empty both mean the id. */
  cgroupsPath?: string | undefined;
  id: string;
  /** The caller's own v2 cgroup (cgroupOf()), absent when it has none. */
  own?: string | undefined;
}

/**
 * @returns the path below the root of the hierarchy, with a leading slash
 * @throws TsrunError ERR_CONFIG_INVALID when it leaves the hierarchy, names its
 *   root, or has a name that the kernel refuses
 */
export function cgroupPath({ cgroupsPath, id, own }: CgroupPathRequest): string {
  const given = cgroupsPath === undefined || cgroupsPath === '' ? id : cgroupsPath;
  const names: string[] = [];
  for (const name of given.split('/')) {
    if (name === '' || name === '.') continue;
    const fault = faultOf(name);
    if (fault !== undefined) throw invalid(given, fault);
    names.push(name);
  }
  if (names.length === 0) throw invalid(given, 'it names no cgroup of its own');

  const below = `/${names.join('/')}`;
  const path = given.startsWith('/') ? below : `${parentOf(own)}${below}`;
  if (isLonger(path, PATH_MAX - 1)) {
    throw invalid(`${given.slice(0, 64)}...`, `it is longer than ${PATH_MAX - 1} bytes`);
  }
  return path;
}

function faultOf(name: string): string | undefined {
  if (name === '..') return '".." is not allowed in it';
  if (name.includes('\0')) return 'it has a NUL character';
  // cgroup_mkdir() refuses it, because it would break the lines of /proc/PID/cgroup.
  if (name.includes('\n')) return 'it has a line break';
  if (isLonger(name, NAME_MAX)) return `it has a name of more than ${NAME_MAX} bytes`;
  return undefined;
}

/** Parent of a cgroup, without a trailing slash: `` for the root. */
function parentOf(own: string | undefined): string {
  // Outside of the caller's cgroup namespace nothing can be made: begin at its root.
  if (own === undefined || own.startsWith('/..')) return '';
  return own.slice(0, Math.max(own.lastIndexOf('/'), 0));
}

/** Whether a text has more than so many bytes in UTF-8, where a character has three at most. */
function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && utf8Length(text) > bytes;
}

function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    // Each half of a surrogate pair stands for two of the four bytes.
    else if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) length += 2;
    else length += 3;
  }
  return length;
}

function invalid(path: string, fault: string): TsrunError {
  const shown = path.replace(/[\0-\x1f\x7f]/g, '?');
  const pointer = '/linux/cgroupsPath';
  return new TsrunError(
    'ERR_CONFIG_INVALID',
    `${pointer}: cannot use "${shown}" as the path of a cgroup: ${fault}`,
    { pointer },
  );
}
