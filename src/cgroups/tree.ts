/** Walking the cgroups below a cgroup. */

import { S_IFDIR, S_IFMT } from '../native/constants.js';
import type { Native } from '../native/types.js';

const STAT_MAX = 4096;

/**
 * The cgroups directly below one, as paths. One that is gone has none.
 *
 * @param path the cgroup's directory on the host
 */
export function childCgroups(native: Native, path: string): string[] {
  // Most containers have no cgroups of their own, and cgroup.stat says so in one
  // read; a directory has some fifty control files to tell them apart from.
  const stat = native.readText(`${path}/cgroup.stat`, STAT_MAX);
  if (typeof stat === 'number' || stat.startsWith('nr_descendants 0\n')) return [];
  const names = native.readdir(path);
  if (typeof names === 'number') return [];
  const children: string[] = [];
  for (const name of names) {
    const child = `${path}/${name}`;
    const status = native.lstat(child);
    if (typeof status !== 'number' && (status.mode & S_IFMT) === S_IFDIR) children.push(child);
  }
  return children;
}
