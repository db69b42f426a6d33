/** Device programs of cgroups. */

import type { FdOrErrno, Status } from './results.js';

export interface NativeCgroups {
  /** BPF_PROG_LOAD of a BPF_PROG_TYPE_CGROUP_DEVICE program of 8-byte instructions. */
  loadDeviceProgram(instructions: Uint8Array): FdOrErrno;
  /** BPF_PROG_ATTACH to a cgroup, BPF_F_ALLOW_MULTI; replaces `replaceFd` when it is not -1. */
  attachDeviceProgram(cgroupFd: number, programFd: number, replaceFd: number): Status;
  /** BPF_PROG_DETACH. */
  detachDeviceProgram(cgroupFd: number, programFd: number): Status;
  /**
   * Programs of that type that are attached to the cgroup itself, in the order in
   * which they run, by the names they were loaded under; ours are `tsrun`. The
   * descriptors are the caller's to close.
   */
  devicePrograms(cgroupFd: number): { fd: number; name: string }[] | number;
}
