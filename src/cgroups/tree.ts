/** Walking the cgroups below a cgroup. */

import { EBUSY, O_CLOEXEC, O_PATH } from '../native/constants.js';
import { isAbsent } from '../native/look.js';
import type { Native } from '../native/types.js';
import { delay } from '../native/wait.js';
import { isGone } from './events.js';

const STAT_MAX = 4096;

/** After this many cgroups the rest of the program gets a turn. */
const CGROUPS_A_TURN = 64;

/**
 * Before those below it.
 *
 * @param path leads to its directory until it returns
 * @returns 0 to go on below it, 1 to leave out what is below it, or a negated
 *   errno to end the walk
 */
export type Enter = (path: string) => number;

/**
 * Visits all cgroups below one, not that one itself.
 *
 * @param top its directory on the host
 * @returns 0, also when it is gone, or the negated errno that ended the walk
 */
export function walkBelow(native: Native, top: string, enter: Enter): Promise<number> {
  return walk(native, top, enter);
}

/** Removes them; see walkBelow(). */
export function removeBelow(native: Native, top: string): Promise<number> {
  return walk(native, top, undefined);
}

/**
 * A container that may make cgroups can nest them until their path is longer
 * than PATH_MAX, deeper than descriptors or our stack would reach, make as
 * many as it likes, and name them by any bytes. So the walk goes from one directory
 * to the next by descriptor, has one open at a time, and comes back by `..`: version 2
 * does not let a cgroup be moved. Names are bytes and go back as they came.
 *
 * @param enter undefined to remove them
 */
async function walk(native: Native, top: string, enter: Enter | undefined): Promise<number> {
  const names = childCgroups(native, top);
  if (typeof names === 'number') return names;
  if (names.length === 0) return 0;
  let at = native.open(top, O_PATH | O_CLOEXEC, 0);
  if (at < 0) return isGone(-at) ? 0 : at;
  const visit = (name: Uint8Array): number => {
    if (enter === undefined) {
      // Most have none below them.
      const removed = native.rmdirAt(at, name);
      if (removed !== -EBUSY) return removed < 0 ? removed : 1;
    }
    const next = native.openat(at, name, O_PATH | O_CLOEXEC, 0);
    if (next < 0) return next;
    const status = enter?.(`/proc/self/fd/${next}`) ?? 0;
    native.close(status === 0 ? at : next);
    if (status === 0) at = next;
    return status;
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
        status = visit(name);
        if (status === 0) {
          const next = childCgroups(native, `/proc/self/fd/${at}`);
          if (typeof next === 'number') return next;
          ahead.push(next);
        } else here.pop();
      } else {
        ahead.pop();
        const parent = ahead[ahead.length - 1];
        if (parent === undefined) return 0;
        const above = native.openat(at, '..', O_PATH | O_CLOEXEC, 0);
        if (above < 0) return above;
        native.close(at);
        at = above;
        const left = parent.pop();
        status = enter === undefined && left !== undefined ? native.rmdirAt(at, left) : 0;
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
 * @returns the names, or a negated errno when they cannot be read
 */
function childCgroups(native: Native, path: string): Uint8Array[] | number {
  // Most containers have no cgroups of their own, and cgroup.stat says so in one
  // read; a directory has some fifty control files to tell them apart from.
  const stat = native.readText(`${path}/cgroup.stat`, STAT_MAX);
  if (typeof stat === 'number') return isAbsent(stat) ? [] : stat;
  if (stat.startsWith('nr_descendants 0\n')) return [];
  const names = native.directories(path);
  return typeof names === 'number' && isAbsent(names) ? [] : names;
}
