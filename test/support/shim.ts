/**
 * What a manager's shim does and Node cannot: being a subreaper, waiting for a
 * process that was orphaned to it, opening a pseudoterminal. Through ffi-rs.
 */

import { DataType, load, open } from 'ffi-rs';

const PR_SET_CHILD_SUBREAPER = 36;
const P_PID = 1;
const WEXITED = 4;
const CLD_EXITED = 1;

let opened = false;
function libc(): string {
  if (!opened) {
    open({ library: 'libc', path: 'libc.so.6' });
    opened = true;
  }
  return 'libc';
}

/** Orphans of our descendants become our children, or no longer do. */
export function setSubreaper(on: boolean): void {
  const result = load({
    library: libc(),
    funcName: 'prctl',
    retType: DataType.I32,
    paramsType: [DataType.I32, DataType.I64, DataType.I64, DataType.I64, DataType.I64],
    paramsValue: [PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0],
  });
  if (result !== 0) throw new Error('prctl(PR_SET_CHILD_SUBREAPER) failed');
}

export interface Ended {
  status: number;
  signal: number;
}

/** Waits in a thread for a child of ours and reaps it (waitid(2)). */
export async function waitFor(pid: number): Promise<Ended> {
  const info = Buffer.alloc(128);
  const result = await load({
    library: libc(),
    funcName: 'waitid',
    retType: DataType.I32,
    paramsType: [DataType.I32, DataType.I32, DataType.U8Array, DataType.I32],
    paramsValue: [P_PID, pid, info, WEXITED],
    runInNewThread: true,
  });
  if (result !== 0) throw new Error(`waitid of ${pid.toString()} failed`);
  // siginfo_t: si_code at 8, si_status at 24.
  const exited = info.readInt32LE(8) === CLD_EXITED;
  const value = info.readInt32LE(24);
  return { status: exited ? value : 0, signal: exited ? 0 : value };
}

/** A new pseudoterminal: [master, slave]. */
export function openPty(): [number, number] {
  const master = Buffer.alloc(4);
  const slave = Buffer.alloc(4);
  const result = load({
    library: libc(),
    funcName: 'openpty',
    retType: DataType.I32,
    paramsType: [DataType.U8Array, DataType.U8Array, DataType.I64, DataType.I64, DataType.I64],
    paramsValue: [master, slave, 0, 0, 0],
  });
  if (result !== 0) throw new Error('openpty failed');
  return [master.readInt32LE(0), slave.readInt32LE(0)];
}

const PR_GET_DUMPABLE = 3;
const PR_GET_CHILD_SUBREAPER = 37;

/** Dumpable flag of this process (prctl(2), PR_GET_DUMPABLE). */
export function getDumpable(): number {
  return load({
    library: libc(),
    funcName: 'prctl',
    retType: DataType.I32,
    paramsType: [DataType.I32, DataType.I64, DataType.I64, DataType.I64, DataType.I64],
    paramsValue: [PR_GET_DUMPABLE, 0, 0, 0, 0],
  });
}

export function isSubreaper(): boolean {
  const answer = Buffer.alloc(4);
  const result = load({
    library: libc(),
    funcName: 'prctl',
    retType: DataType.I32,
    paramsType: [DataType.I32, DataType.U8Array, DataType.I64, DataType.I64, DataType.I64],
    paramsValue: [PR_GET_CHILD_SUBREAPER, answer, 0, 0, 0],
  });
  if (result !== 0) throw new Error('prctl(PR_GET_CHILD_SUBREAPER) failed');
  return answer.readInt32LE(0) !== 0;
}

const WNOHANG = 1;

/** Reaps a child if it has ended already (waitpid(2)). */
export function reap(pid: number): void {
  load({
    library: libc(),
    funcName: 'waitpid',
    retType: DataType.I32,
    paramsType: [DataType.I32, DataType.I64, DataType.I32],
    paramsValue: [pid, 0, WNOHANG],
  });
}
