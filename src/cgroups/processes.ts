/** The processes of a cgroup: listing them and sending them signals. */

import { TsrunError } from '../errors.js';
import {
  EACCES,
  ENODEV,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ESRCH,
  SIGKILL,
  W_OK,
} from '../native/constants.js';
import { isDenied } from '../native/look.js';
import type { Native } from '../native/types.js';
import { isLeaderless, readShownStat } from '../state/proc-stat.js';
import { isFrozen, isGone, waitFrozen } from './events.js';
import { cgroupOf } from './mount.js';
import type { CgroupPlace } from './record.js';
import { walkBelow } from './tree.js';

/** A list of the 4 million processes that a kernel can have at most. */
const PROCS_MAX = 32 * 1024 * 1024;

/** How long processes get to stand still before they are sent a signal, in milliseconds. */
const FREEZE_TIMEOUT_MS = 2000;

/** Rounds of listing and signalling where the cgroup cannot be frozen. */
const ROUNDS = 16;

/**
 * Ids of all processes in the cgroup and below it, those of the cgroup itself
 * first. A cgroup that is gone has none.
 *
 * @throws TsrunError ERR_CGROUP
 */
export async function procs(native: Native, cgroup: CgroupPlace): Promise<number[]> {
  const pids: number[] = [];
  const list = (path: string): number => {
    const status = collect(native, path, pids);
    return isGone(-status) ? 1 : status;
  };
  const own = list(cgroup.path);
  if (own < 0) throw failed(native, `read ${cgroup.path}/cgroup.procs`, -own);
  const below = await walkBelow(native, cgroup.path, list);
  if (below < 0) throw failed(native, `read the processes below ${cgroup.path}`, -below);
  return pids;
}

/** Ids of the processes in the cgroup, without those below it; a negated errno. */
export function ownProcs(native: Native, cgroup: CgroupPlace): number[] | number {
  const pids: number[] = [];
  const status = collect(native, cgroup.path, pids);
  return status < 0 ? status : pids;
}

/** @returns 0 or a negated errno */
function collect(native: Native, path: string, pids: number[]): number {
  const text = native.readText(`${path}/cgroup.procs`, PROCS_MAX);
  // A threaded cgroup refuses with EOPNOTSUPP: its processes are listed by its domain.
  if (typeof text === 'number') return text === -EOPNOTSUPP ? 0 : text;
  for (const line of text.split('\n')) {
    const pid = Number(line);
    // 0 is a process of another pid namespace; kill(2) would take it for us.
    if (pid > 0) pids.push(pid);
  }
  return 0;
}

/**
 * Whether the caller may move a process from its own cgroup into another (cgroups(7), "Cgroups
 * delegation: delegation containment rules"), which is also what clone3(2) asks of CLONE_INTO_CGROUP.
 *
 * @param root mount point of the hierarchy
 * @param path directory of the other cgroup
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function mayMove(native: Native, root: string, path: string): boolean {
  const own = cgroupOf(native, 'self');
  // One above the root of the cgroup namespace has no path from there.
  if (own === undefined || own.startsWith('/..')) return false;
  return [commonAncestor(root + own, path), path].every((directory) => {
    const file = `${directory}/cgroup.procs`;
    const status = native.access(file, W_OK);
    if (status === 0) return true;
    if (isDenied(status)) return false;
    throw failed(native, `look at ${file}`, -status);
  });
}

function commonAncestor(a: string, b: string): string {
  const names = a.split('/');
  const others = b.split('/');
  const differs = names.findIndex((name, index) => name !== others[index]);
  return (differs < 0 ? names : names.slice(0, differs)).join('/');
}

/** @throws TsrunError ERR_CGROUP */
export function moveInto(native: Native, { path }: CgroupPlace, pid: number): void {
  const status = native.writeText(`${path}/cgroup.procs`, String(pid));
  if (status < 0) throw failed(native, `move process ${pid} into cgroup ${path}`, -status);
}

/**
 * Sends a signal to every process in the cgroup and below it. None escapes by
 * forking meanwhile: SIGKILL goes through cgroup.kill, others reach processes
 * that stand still.
 *
 * @returns once all have been sent to; a cgroup that is gone is no error
 * @throws TsrunError ERR_CGROUP
 */
export async function killAll(native: Native, cgroup: CgroupPlace, signal: number): Promise<void> {
  if (signal === SIGKILL) {
    const status = native.writeText(`${cgroup.path}/cgroup.kill`, '1');
    if (status === 0) return killLeaderless(native, cgroup);
    // Without cgroup.kill (Linux before 5.14) the rest finds out whether the cgroup is there.
    if (!isGone(-status) && status !== -EOPNOTSUPP) {
      throw failed(native, `write to ${cgroup.path}/cgroup.kill`, -status);
    }
  }

  const freeze = `${cgroup.path}/cgroup.freeze`;
  const paused = isFrozen(native, cgroup);
  const frozen = paused ? 0 : native.writeText(freeze, '1');
  // Without cgroup.freeze (Linux before 5.2), or without the right to write to it, rounds have to do.
  if (frozen < 0 && ![ENOENT, ENODEV, EACCES, EPERM, EROFS].includes(-frozen)) {
    throw failed(native, `write to ${freeze}`, -frozen);
  }
  const froze = !paused && frozen >= 0;
  try {
    if (froze) await waitFrozen(native, cgroup, FREEZE_TIMEOUT_MS);
    await signalAll(native, cgroup, signal);
  } finally {
    if (froze) thawAgain(native, freeze);
  }
}

/**
 * cgroup.kill sends to the main thread alone, which does not reach the others once that has ended
 * (complete_signal() of the kernel). By the number of the process, or its pidfd, it does.
 */
async function killLeaderless(native: Native, cgroup: CgroupPlace): Promise<void> {
  for (const pid of await procs(native, cgroup)) {
    // What /proc does not show (hidepid) is passed over: its cgroup is not removed while it lives.
    const stat = readShownStat(native, pid);
    if (stat === undefined || !isLeaderless(stat)) continue;
    const pidfd = native.pidfdOpen(pid);
    if (pidfd === -ESRCH) continue;
    if (pidfd < 0) throw failed(native, `open process ${pid}`, -pidfd);
    try {
      // The number may have become another process's before it was opened: that one is not listed.
      if ((await procs(native, cgroup)).includes(pid)) {
        const status = native.pidfdKill(pidfd, SIGKILL);
        if (status < 0 && status !== -ESRCH) {
          throw failed(native, `send signal ${SIGKILL} to process ${pid}`, -status);
        }
      }
    } finally {
      native.close(pidfd);
    }
  }
}

/** @throws TsrunError ERR_CGROUP when they stand still for good */
function thawAgain(native: Native, freeze: string): void {
  let thawed = native.writeText(freeze, '0');
  // A moment's lack of memory is not to leave a container frozen.
  if (thawed < 0) thawed = native.writeText(freeze, '0');
  if (thawed < 0 && !isGone(-thawed)) throw failed(native, `write to ${freeze}`, -thawed);
}

async function signalAll(native: Native, cgroup: CgroupPlace, signal: number): Promise<void> {
  const reached = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    let news = false;
    for (const pid of await procs(native, cgroup)) {
      if (reached.has(pid)) continue;
      reached.add(pid);
      news = true;
      const status = native.kill(pid, signal);
      if (status < 0 && status !== -ESRCH) {
        throw failed(native, `send signal ${signal} to process ${pid}`, -status);
      }
    }
    if (!news) return;
  }
}

function failed(native: Native, what: string, errno: number): TsrunError {
  return new TsrunError('ERR_CGROUP', `cannot ${what}: ${native.strerror(errno)}`, { errno });
}
