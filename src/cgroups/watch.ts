/** Following what happens in a cgroup until its last process has ended. */

import { TsrunError } from '../errors.js';
import { O_CLOEXEC, O_RDONLY, POLLPRI } from '../native/constants.js';
import { cannotLook, isAbsent, readIfThere } from '../native/look.js';
import type { Native } from '../native/types.js';
import { waitForAny } from '../native/wait.js';
import { isPopulated } from './events.js';
import type { CgroupPlace } from './record.js';
import { parseTable } from './stats.js';

const FILE_MAX = 4096;

/**
 * What a wait ended with. `oom`: processes were killed because memory.max was
 * reached. `time`: the interval is over. `empty`: the last process has ended;
 * it comes once, and last.
 */
export type Happening = 'oom' | 'time' | 'empty';

/**
 * @param intervalMs between two `time`s in milliseconds; without it there is none
 */
export async function* watchCgroup(
  native: Native,
  cgroup: CgroupPlace,
  intervalMs?: number,
): AsyncGenerator<Happening, void, undefined> {
  let kills = killsIn(native, cgroup) ?? 0;
  const now = (): number => native.monotonicNs() / 1e6;
  let next = intervalMs === undefined ? undefined : now() + intervalMs;
  for (;;) {
    // Opened and read before each wait: an event is a difference to the last reading.
    const files: number[] = [];
    let time = false;
    let populated;
    let killed;
    try {
      // Without the controller there is no memory.events.
      openRead(native, cgroup, 'memory.events', files);
      const isThere = openRead(native, cgroup, 'cgroup.events', files);
      // Before memory.events is looked at: what killed the last one is in there by then. A cgroup that
      // has been made in the place of one that is gone is another's, and nothing here waits for it.
      populated = isPopulated(native, cgroup) && isThere;
      killed = killsIn(native, cgroup) ?? kills;
      time = next !== undefined && now() >= next;
      if (populated && killed === kills && !time) {
        const left = next === undefined ? -1 : Math.max(1, Math.ceil(next - now()));
        const waited = await waitForAny(
          native,
          files.map((fd) => ({ fd, events: POLLPRI })),
          left,
        );
        if (waited < 0) {
          throw new TsrunError(
            'ERR_CGROUP',
            `cannot watch cgroup ${cgroup.path}: ${native.strerror(-waited)}`,
            { errno: -waited },
          );
        }
        continue;
      }
    } finally {
      for (const fd of files) native.close(fd);
    }
    if (killed !== kills) {
      kills = killed;
      yield 'oom';
    }
    if (!populated) {
      yield 'empty';
      return;
    }
    if (time && intervalMs !== undefined) {
      next = now() + intervalMs;
      yield 'time';
    }
  }
}

/**
 * Opens a file to wait for its changes, which count from this reading on.
 *
 * @returns false when it is gone
 * @throws TsrunError ERR_CGROUP: nobody would be told of what happens
 */
function openRead(native: Native, { path }: CgroupPlace, file: string, opened: number[]): boolean {
  const fd = native.open(`${path}/${file}`, O_RDONLY | O_CLOEXEC, 0);
  if (fd >= 0) opened.push(fd);
  const read = fd < 0 ? fd : native.read(fd, FILE_MAX);
  if (typeof read !== 'number') return true;
  if (isAbsent(read)) return false;
  throw cannotLook(native, `read ${path}/${file}`, read, 'ERR_CGROUP');
}

/** How many processes the kernel has killed there for lack of memory. */
function killsIn(native: Native, { path }: CgroupPlace): number | undefined {
  const text = readIfThere(native, `${path}/memory.events`, FILE_MAX, 'ERR_CGROUP');
  return text === undefined ? undefined : Number(parseTable(text)['oom_kill'] ?? 0);
}
