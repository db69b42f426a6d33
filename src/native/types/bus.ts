/** Message buses, over sd-bus (sd-bus(3)). None of these waits. */

import type { Status } from './results.js';
import type { PollEvents } from './waiting.js';

/**
 * A piece of the body of a bus message, in order: a letter and a text. A basic
 * type of D-Bus (y b n q i u x t s o g) with its value, numbers in decimal and
 * booleans as 0 or 1; or `a`, `v`, `r` (struct), `e` (dictionary entry) with the
 * signature of what follows, up to a piece `)`.
 */
export type BusItem = readonly [code: string, text: string];

export interface BusMessage {
  type: 'reply' | 'error' | 'signal';
  /** reply, error: of the call that it answers. */
  cookie: number;
  /** error: its D-Bus name. signal: its member. */
  name: string;
  /** error: what the other side says. */
  text: string;
  /** Empty for an error. */
  body: BusItem[];
}

export interface NativeBus {
  /**
   * Connects to a bus.
   *
   * @param address in D-Bus's form, `unix:path=...` with special characters escaped
   * @returns a handle, or a negated errno
   */
  openBus(address: string): number;
  closeBus(bus: number): Status;
  /** The descriptor and the events to wait for when receiveBus() says -EAGAIN. */
  watchBus(bus: number): [fd: number, events: PollEvents] | number;
  /** Sends a method call; the cookie that its answer will have. -EINVAL for a body that is malformed. */
  callBus(
    bus: number,
    destination: string,
    path: string,
    interfaceName: string,
    member: string,
    body: readonly BusItem[],
  ): number;
  /** Goes on with sending and receiving; the next message, or -EAGAIN when there is none yet. */
  receiveBus(bus: number): BusMessage | number;
}
