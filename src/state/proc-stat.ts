/** What /proc/PID/stat says about a process (proc_pid_stat(5)). */

import type { Native } from '../native/types.js';

/** The line is some 400 bytes; comm is at most 64 with escapes. */
const MAX_SIZE = 4096;

export interface ProcessStat {
  /** Field 3: `R`, `S`, `D`, `Z` (zombie), `X` (dead), ... */
  state: string;
  /** Field 22, clock ticks since boot: with the pid it names a process for good. */
  startTime: number;
}

/** The process's state, undefined when there is none of that pid. */
export function readProcessStat(native: Native, pid: number): ProcessStat | undefined {
  const text = native.readText(`/proc/${pid}/stat`, MAX_SIZE);
  return typeof text === 'number' ? undefined : parseProcessStat(text);
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
  return { state, startTime };
}

/** Whether that very process runs: same start time, and neither zombie nor dead. */
export function isAlive(native: Native, pid: number, startTime: number): boolean {
  if (pid <= 0) return false;
  const stat = readProcessStat(native, pid);
  return (
    stat !== undefined &&
    stat.startTime === startTime &&
    stat.state !== 'Z' &&
    stat.state !== 'X' &&
    stat.state !== 'x'
  );
}
