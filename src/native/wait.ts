/** Native.wait() as promises. */

import type { Native, PollEvents } from './types.js';

/**
 * Waits for events on a descriptor, off the caller's turn.
 *
 * @param timeoutMs milliseconds, -1 for no limit
 * @param keepAlive whether the program stays alive for this wait
 * @returns the events that came, 0 at the timeout, or a negated errno; never rejects
 */
export function waitFor(
  native: Native,
  fd: number,
  events: PollEvents,
  timeoutMs: number,
  keepAlive = true,
): Promise<number> {
  return new Promise((resolve) => {
    const handle = native.wait(fd, events, timeoutMs, keepAlive, resolve);
    if (handle < 0) resolve(handle);
  });
}

/**
 * Waits for the first of several descriptors that has events.
 *
 * @param timeoutMs milliseconds, -1 for no limit
 * @returns 0, or the negated errno of one that cannot be waited for
 */
export function waitForAny(
  native: Native,
  waits: readonly { fd: number; events: PollEvents }[],
  timeoutMs: number,
): Promise<number> {
  return new Promise((resolve) => {
    let done = false;
    const handles: number[] = [];
    const finish = (result: number): void => {
      if (done) return;
      done = true;
      for (const handle of handles) native.cancelWait(handle);
      resolve(result);
    };
    for (const { fd, events } of waits) {
      const handle = native.wait(fd, events, timeoutMs, true, () => finish(0));
      if (handle < 0) {
        finish(handle);
        return;
      }
      handles.push(handle);
    }
  });
}

/**
 * Lets `ms` milliseconds pass. Only for what the kernel has no event for.
 *
 * @returns 0, or a negated errno at once where nothing can be waited for
 */
export function delay(native: Native, ms: number, keepAlive = true): Promise<number> {
  return waitFor(native, -1, 0, ms, keepAlive);
}
