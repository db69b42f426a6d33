/** The helper process: its start and its messages (docs/architecture.md, protocol). */

import type { Step } from '../../plan/steps.js';
import type { Status } from './results.js';

/** What the helper process says on its socket; see docs/architecture.md, protocol. */
export interface Message {
  type: 'sync' | 'failed' | 'forked' | 'console' | 'warning' | 'trace' | 'listener' | 'tree';
  /** Index of the plan step that speaks. */
  step: number;
  /** sync: the SyncPoint. failed: a positive errno. tree: the slot. */
  value: number;
  /** failed: a FailureCode that says more than the errno. */
  code: number;
  /** failed, warning: path or other object that the step was working on. */
  text: string;
  /** forked: a pidfd. console: the terminal's master side. listener: that of a seccomp filter. tree: its mount namespace. Else -1. */
  fd: number;
  /** trace: monotonic nanoseconds at the end of each step, in order. */
  times?: number[];
}

export interface SpawnRequest {
  /** CLONE_NEWPID and CLONE_NEWUSER, or 0. Other namespaces are steps. */
  cloneFlags: number;
  /** CLONE_NEW* that the helper makes before it has the steps (ContainerPlan.earlyNamespaces). */
  earlyNamespaces: number;
  /** cgroup v2 directory that the process is born in, -1 for the caller's. */
  cgroupFd: number;
  /** Descriptors that become 0, 1 and 2; -1 stands for /dev/null. */
  stdio: readonly [number, number, number];
  /** Descriptors that become 3, 4, ... and stay open in the program. */
  preserve: readonly number[];
  /** Descriptors that steps use: element i becomes slot i. They do not survive execve. */
  fds: readonly number[];
  /** Number of slots the steps use in all, those of `fds` included. */
  slots: number;
  steps: readonly Step[];
  /** Ask for a `trace` message before the first ready sync point. */
  trace: boolean;
}

export interface Spawned {
  pid: number;
  pidfd: number;
  /** Our side of the SOCK_SEQPACKET pair. */
  socket: number;
}

export interface NativeHelper {
  spawn(request: SpawnRequest): Spawned | number;
  /** The helper's next message; 0 at its end, -EAGAIN when there is none yet. */
  receive(socket: number): Message | number;
  /** Let a helper that waits at a sync point go on. */
  proceed(socket: number): Status;
  /** Names of the operations the native side knows, for the test that compares them with Step. */
  operations(): string[];
}
