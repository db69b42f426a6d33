/** Ends and waits for processes, through their pidfd only: never any other child of the program. */

import type { ExitInfo, Native } from '../native/types.js';
import { EAGAIN, POLLIN, SIGKILL } from '../native/constants.js';
import { readOrThrow } from '../native/look.js';
import { delay, waitFor } from '../native/wait.js';

/** Between two looks at a child where there is no descriptor for an event, in milliseconds. */
const LOOK_PAUSE_MS = 20;

/**
 * Waits for a child's end and reaps it. Where the kernel has nothing left to wait with (EMFILE,
 * ENOMEM ...) it looks now and then: a child that is not reaped is left behind.
 *
 * @param keepAlive whether the program stays alive for this
 * @param deadline on the clock of monotonicNs(), after which it waits no longer
 * @returns how it ended, or a negated errno: -ECHILD when it is not ours to reap; undefined at the deadline
 */
export function waitForExit(
  native: Native,
  pidfd: number,
  keepAlive?: boolean,
): Promise<ExitInfo | number>;
export function waitForExit(
  native: Native,
  pidfd: number,
  keepAlive: boolean,
  deadline: number,
): Promise<ExitInfo | number | undefined>;
export async function waitForExit(
  native: Native,
  pidfd: number,
  keepAlive = true,
  deadline = Infinity,
): Promise<ExitInfo | number | undefined> {
  for (;;) {
    const info = native.reap(pidfd);
    if (info !== -EAGAIN) return info;
    const left = Math.ceil((deadline - native.monotonicNs()) / 1e6);
    if (left <= 0) return undefined;
    const timeout = left === Infinity ? -1 : left;
    const events = await waitFor(native, pidfd, POLLIN, timeout, keepAlive);
    // On Node even time takes a thread and descriptors, which the first wait makes.
    const pause = Math.min(left, LOOK_PAUSE_MS);
    if (events < 0 && (await delay(native, pause, keepAlive)) < 0) return events;
  }
}

/** Kills a child of ours and reaps it. */
export async function killAndReap(native: Native, pidfd: number): Promise<void> {
  native.pidfdKill(pidfd, SIGKILL);
  await waitForExit(native, pidfd);
}

/**
 * Kills and reaps a child of ours whose `fork` step may have made a second one that nobody has told
 * of: also a child of ours, and in the first one's process group (native/child/namespaces.cc).
 *
 * @returns how the first one ended, or a negated errno
 */
export async function killAndReapBoth(
  native: Native,
  { pid, pidfd }: { pid: number; pidfd: number },
): Promise<ExitInfo | number> {
  native.pidfdKill(pidfd, SIGKILL);
  // With SIGKILL pending the first one makes no more processes. Until it is reaped, its number is
  // its own; from then on that of the group, as long as the second one is there.
  if (pid > 1) native.kill(-pid, SIGKILL);
  const exit = await waitForExit(native, pidfd);
  while (pid > 1 && native.reapGroup(pid) === -EAGAIN) {
    if ((await delay(native, LOOK_PAUSE_MS)) < 0) break;
  }
  return exit;
}

/**
 * The pid that a pidfd stands for, in our pid namespace.
 *
 * @returns 0 when the process has been reaped or is in no namespace of ours
 * @throws TsrunError ERR_SYSTEM when that cannot be found out
 */
export function pidOfPidfd(native: Native, pidfd: number): number {
  const text = readOrThrow(native, `/proc/self/fdinfo/${pidfd}`, 4096);
  const match = /^Pid:\s*(-?\d+)$/m.exec(text);
  return match === null ? 0 : Math.max(0, Number(match[1]));
}
