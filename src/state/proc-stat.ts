/**
 * What /proc/PID/stat says about a process (proc_pid_stat(5)).
 *
 * A process has ended when the kernel says so: pidfd_open(2) answers ESRCH, or the procfs of our own
 * pid namespace shows another process of that pid. A file that cannot be read says nothing, and neither
 * does whatever else is mounted on /proc.
 */

import { TsrunError } from '../errors.js';
import { EINVAL, ENOENT, ESRCH, PROC_SUPER_MAGIC } from '../native/constants.js';
import { cannotLook, isAbsent } from '../native/look.js';
import type { Native } from '../native/types.js';

/** The line is some 400 bytes; comm is at most 64 with escapes. */
const MAX_SIZE = 4096;

/** PF_EXITING of include/linux/sched.h, in field 9. */
const PF_EXITING = 0x4;

export interface ProcessStat {
  /** Field 2, as the process or its program's file is called. */
  comm: string;
  /** Field 3: `R`, `S`, `D`, `Z` (zombie), `X` (dead), ... */
  state: string;
  /** It has begun to end, or has ended: it runs no program any more. */
  exiting: boolean;
  /** Field 20, how many are left: a main thread that has ended shows as a zombie while others run. */
  threads: number;
  /** Field 22, clock ticks since boot: with the pid it names a process for good. */
  startTime: number;
}

/**
 * @returns undefined when there is no process of that pid
 * @throws TsrunError ERR_SYSTEM when that cannot be found out
 */
export function readProcessStat(native: Native, pid: number): ProcessStat | undefined {
  const shown = readShownStat(native, pid);
  if (shown !== undefined) return shown;
  const path = statPath(pid);
  const pidfd = native.pidfdOpen(pid);
  // EINVAL, ENOENT: the number is that of a thread, whose process has another one.
  if (pidfd === -ESRCH || pidfd === -EINVAL || pidfd === -ENOENT) return undefined;
  if (pidfd < 0) throw cannotLook(native, `open process ${pid}`, pidfd);
  // The kernel has given the number to a process since, or /proc does not show it.
  const text = native.readText(path, MAX_SIZE);
  const gone = native.pidfdKill(pidfd, 0) === -ESRCH;
  native.close(pidfd);
  if (typeof text === 'string') return requireStat(path, text);
  if (gone) return undefined;
  throw cannotLook(native, `read ${path} of a process that is there`, text);
}

/**
 * @returns undefined when there is no process of that pid, or none that /proc shows (hidepid)
 * @throws TsrunError ERR_SYSTEM when it cannot be read
 */
export function readShownStat(native: Native, pid: number): ProcessStat | undefined {
  const path = statPath(pid);
  const text = native.readText(path, MAX_SIZE);
  if (typeof text === 'string') return requireStat(path, text);
  if (!isAbsent(text)) throw cannotLook(native, `read ${path}`, text);
  return undefined;
}

const statPath = (pid: number): string => `/proc/${pid}/stat`;

function requireStat(path: string, text: string): ProcessStat {
  const stat = parseProcessStat(text);
  if (stat !== undefined) return stat;
  throw new TsrunError('ERR_SYSTEM', `cannot read ${path}: it is not a line of procfs`);
}

/** Field 2 is the command's name in parentheses and may itself hold any of `) (`: the last `)` ends it. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const end = text.lastIndexOf(')');
  if (end < 0) return undefined;
  // No more than are wanted: there are fifty.
  const fields = text.slice(end + 2).split(' ', 22 - 3 + 1);
  const state = fields[0];
  const startTime = Number(fields[22 - 3]);
  if (state === undefined || state === '' || !Number.isSafeInteger(startTime)) return undefined;
  const flags = Number(fields[9 - 3]);
  const threads = Number(fields[20 - 3]);
  return {
    comm: text.slice(text.indexOf('(') + 1, end),
    state,
    exiting: isDead(state) || (flags & PF_EXITING) !== 0,
    threads,
    startTime,
  };
}

function isDead(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

/** Whether its main thread has ended while others run (pthread_exit(3)): the process has not. */
export function isLeaderless({ state, threads }: ProcessStat): boolean {
  return isDead(state) && threads > 1;
}

/**
 * Whether that very process runs: same start time, and a thread that is neither zombie nor dead.
 *
 * @throws TsrunError ERR_SYSTEM when that cannot be found out
 */
export function isAlive(native: Native, pid: number, startTime: number): boolean {
  if (pid <= 0) return false;
  const stat = readProcessStat(native, pid);
  if (stat === undefined) return false;
  if (stat.startTime === startTime) return !isDead(stat.state) || isLeaderless(stat);
  requireOwnProcfs(native);
  return false;
}

/**
 * In the procfs of another pid namespace our numbers are those of other processes.
 *
 * @throws TsrunError ERR_SYSTEM when /proc is not the procfs of our pid namespace
 */
export function requireOwnProcfs(native: Native): void {
  const fault = (what: string): TsrunError =>
    new TsrunError('ERR_SYSTEM', `cannot look up processes: /proc is not ${what}`);
  const type = native.statfsType('/proc');
  if (type < 0) throw cannotLook(native, 'ask what /proc is', type);
  if (type !== PROC_SUPER_MAGIC) throw fault('a procfs');
  const self = native.readlink('/proc/self');
  if (typeof self === 'number') throw cannotLook(native, 'read the link /proc/self', self);
  if (self !== String(native.getpid())) {
    throw fault('the procfs of this pid namespace');
  }
}
