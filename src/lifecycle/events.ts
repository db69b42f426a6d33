/** `events`: what a container uses, and what happens to it. */

import type { Native } from '../native/types.js';
import type { CgroupRecord } from '../cgroups/manager.js';
import { readStats } from '../cgroups/stats.js';
import type { ContainerStats } from '../cgroups/stats.js';
import { watchCgroup } from '../cgroups/watch.js';
import { loadState } from '../state/store.js';
import { requireLiveCgroup } from './own-cgroup.js';
import type { ContainerName } from './state.js';

export type ContainerEvent =
  /** Regularly, where an interval was asked for. */
  | { type: 'stats'; stats: ContainerStats }
  /** The kernel has killed processes of the container because memory.max was reached. */
  | { type: 'oom' }
  /** The last process has ended. Nothing comes after it. */
  | { type: 'exit' };

/** @throws TsrunError ERR_NOT_FOUND, ERR_NOT_RUNNING; ERR_UNSUPPORTED without a cgroup of its own */
export async function stats(native: Native, name: ContainerName): Promise<ContainerStats> {
  return readStats(native, runningCgroup(native, name));
}

/**
 * Events until the container ends.
 *
 * @param intervalMs between two `stats` in milliseconds; without it there are none
 * @throws TsrunError as stats() does
 */
export async function* events(
  native: Native,
  name: ContainerName,
  intervalMs?: number,
): AsyncGenerator<ContainerEvent, void, undefined> {
  const cgroup = runningCgroup(native, name);
  for await (const happening of watchCgroup(native, cgroup, intervalMs)) {
    if (happening === 'time') yield { type: 'stats', stats: await readStats(native, cgroup) };
    else yield { type: happening === 'oom' ? 'oom' : 'exit' };
  }
}

function runningCgroup(native: Native, { root, id }: ContainerName): CgroupRecord {
  return requireLiveCgroup(native, root, loadState(native, root, id), 'watch');
}
