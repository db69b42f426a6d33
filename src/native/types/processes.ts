/** Processes, their limits and their rights. */

import type { FdOrErrno, Status } from './results.js';

/** How a child of ours ended. */
export interface ExitInfo {
  /** Exit status 0-255 when it exited, else 0. */
  status: number;
  /** Signal that killed it, 0 when it exited. */
  signal: number;
}

export interface NativeProcesses {
  getpid(): number;
  /** [real, effective] ids of the caller. */
  getuid(): [number, number];
  getgid(): [number, number];
  kill(pid: number, signal: number): Status;
  pidfdOpen(pid: number): FdOrErrno;
  pidfdKill(pidfd: number, signal: number): Status;
  /** Reaps exactly this child; -EAGAIN while it lives, -ECHILD when it is not ours. */
  reap(pidfd: number): ExitInfo | number;
  /** Reaps the children of this process group that have ended; -EAGAIN while one of them lives. */
  reapGroup(group: number): Status;
  /**
   * Reaps children that have ended, all but the one with this pid: for the
   * command line only, in a program that waits for no other child meanwhile.
   * @returns how many, at most 1024 at a time
   */
  reapOthers(except: number): number;
  /** prlimit(2): raises a hard limit that is lower, leaves the soft one and a higher one alone. */
  raiseHardLimit(pid: number, resource: number, hard: bigint): Status;
  /** Soft limit of the caller itself, never above the hard one: for the command line only. */
  setSoftLimit(resource: number, soft: number): Status;
  /** PR_SET_CHILD_SUBREAPER: for the command line only. */
  setSubreaper(on: boolean): Status;
  /** Catches signals and makes them readable, one byte a signal: for the command line only. */
  catchSignals(signals: readonly number[]): FdOrErrno;
  /**
   * Effective capabilities and, of those in `asked`, the bounding set as bit masks, and the
   * highest capability of this kernel (capget(2), PR_CAPBSET_READ, a call each):
   * /proc/self/status takes ten times as long.
   */
  capabilities(asked: bigint): { effective: bigint; bounding: bigint; last: number } | number;
}
