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

/** Lets `ms` milliseconds pass. Only for what the kernel has no event for. */
export async function delay(native: Native, ms: number, keepAlive = true): Promise<void> {
  await waitFor(native, -1, 0, ms, keepAlive);
}
