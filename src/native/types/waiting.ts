/** Waiting for descriptors and timeouts; the clock. */

/** Events of wait(): a set of POLLIN (1), POLLPRI (2), POLLOUT (4), POLLERR (8), POLLHUP (16). */
export type PollEvents = number;

export interface NativeWaiting {
  /**
   * Calls back once, off the current turn: with the events that came, 0 at the
   * timeout (milliseconds, -1 for none), or a negated errno. A descriptor that
   * cannot be polled (a regular file) is ready at once. `keepAlive` false lets
   * the program end while this waits.
   * @returns a handle for cancelWait, or a negated errno
   */
  wait(
    fd: number,
    events: PollEvents,
    timeoutMs: number,
    keepAlive: boolean,
    callback: (events: number) => void,
  ): number;
  /** The callback of a cancelled wait is never called. */
  cancelWait(handle: number): void;
  /** CLOCK_MONOTONIC in nanoseconds. */
  monotonicNs(): number;
}
