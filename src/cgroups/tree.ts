/** Walking the cgroups below a cgroup. */

import { O_CLOEXEC, O_PATH, S_IFDIR, S_IFMT } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { delay } from '../native/wait.js';
import { isGone } from './events.js';

const STAT_MAX = 4096;

/** After this many cgroups the rest of the program gets a turn. */
const CGROUPS_A_TURN = 64;

export interface Visitor {
  /**
   * Before those below it.
   *
   * @param path leads to it until the visitor returns
   * @returns 0 to go on below it, 1 to leave out what is below it, or a negated
   *   errno to end the walk
   */
  enter(path: string): number;
  /** After those below it; 0, or a negated errno to end the walk. */
  leave?(path: string): number;
}

/**
 * Visits all cgroups below one, not that one itself.
 *
 * A container that may make cgroups can nest them until their path is longer
 * than PATH_MAX, deeper than descriptors or our stack would reach, and make as
 * many as it likes. So the walk goes from one directory to the next by
 * descriptor, has one open at a time, and comes back by `..`: version 2 does
 * not let a cgroup be moved.
 *
 * @param top its directory on the host
 * @returns 0, also when it is gone, or the negated errno that ended the walk
 */
export async function walkBelow(native: Native, top: string, visitor: Visitor): Promise<number> {
  const names = childCgroups(native, top);
  if (names.length === 0) return 0;
  let at = native.open(top, O_PATH | O_CLOEXEC, 0);
  if (at < 0) return isGone(-at) ? 0 : at;
  const move = (name: string): number => {
    const next = native.openat(at, name, O_PATH | O_CLOEXEC, 0);
    if (next < 0) return next;
    native.close(at);
    at = next;
    return 0;
  };
  try {
    // What is still to be visited, its last name first, of the directory where we are and those above.
    const ahead = [names];
    for (let visited = 0; ;) {
      const here = ahead[ahead.length - 1] ?? [];
      const name = here[here.length - 1];
      let status;
      if (name !== undefined) {
        if (++visited % CGROUPS_A_TURN === 0) await delay(native, 0);
        status = visitor.enter(`/proc/self/fd/${at}/${name}`);
        if (status === 0) status = move(name);
        if (status === 0) ahead.push(childCgroups(native, `/proc/self/fd/${at}`));
        else here.pop();
      } else {
        ahead.pop();
        const parent = ahead[ahead.length - 1];
        if (parent === undefined) return 0;
        status = move('..');
        if (status < 0) return status;
        const left = parent.pop() ?? '';
        status = visitor.leave?.(`/proc/self/fd/${at}/${left}`) ?? 0;
      }
      if (status < 0 && !isGone(-status)) return status;
    }
  } finally {
    native.close(at);
  }
}

/**
 * Names of the cgroups directly below one. One that is gone has none.
 *
 * @param path leads to its directory
 */
function childCgroups(native: Native, path: string): string[] {
  // Most containers have no cgroups of their own, and cgroup.stat says so in one
  // read; a directory has some fifty control files to tell them apart from.
  const stat = native.readText(`${path}/cgroup.stat`, STAT_MAX);
  if (typeof stat === 'number' || stat.startsWith('nr_descendants 0\n')) return [];
  const names = native.readdir(path);
  if (typeof names === 'number') return [];
  return names.filter((name) => {
    const status = native.lstat(`${path}/${name}`);
    return typeof status !== 'number' && (status.mode & S_IFMT) === S_IFDIR;
  });
}
