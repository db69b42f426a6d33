/** A table of processes from /proc (proc_pid_status(5), proc_pid_cmdline(5)). */

import { readIfThere } from '../native/look.js';
import type { Native } from '../native/types.js';
import { columns } from './columns.js';

const MAX_STATUS = 1 << 16;
const MAX_COMMAND = 1 << 21;

/**
 * Processes that have ended meanwhile are left out.
 *
 * @throws TsrunError ERR_SYSTEM when that cannot be read
 */
export function ownTable(native: Native, pids: readonly number[]): string {
  const rows = [['UID', 'PID', 'PPID', 'CMD']];
  for (const pid of pids) {
    const status = readIfThere(native, `/proc/${pid}/status`, MAX_STATUS);
    if (status === undefined) continue;
    const uid = field(status, 'Uid');
    rows.push([uid, String(pid), field(status, 'PPid'), command(native, pid, status)]);
  }
  return columns(rows);
}

/** The first number behind a name, on any line but the first, which has the process's own. */
function field(status: string, name: string): string {
  return new RegExp(`\\n${name}:\\s*(\\d*)`).exec(status)?.[1] ?? '';
}

/** The arguments; the name in brackets where there are none, as of a zombie. */
function command(native: Native, pid: number, status: string): string {
  const text = native.readText(`/proc/${pid}/cmdline`, MAX_COMMAND);
  const given = typeof text === 'number' ? '' : text;
  let end = given.length;
  while (end > 0 && given[end - 1] === '\0') end--;
  return end === 0 ? `[${nameOf(status)}]` : given.slice(0, end).replace(/\0/g, ' ');
}

/** It comes first, and may hold what looks like the end of a line elsewhere. */
function nameOf(status: string): string {
  return status.slice(0, Math.max(status.indexOf('\n'), 0)).replace(/^Name:\t/, '');
}
