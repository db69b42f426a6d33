/** What the caller gives in options and variables. Apart, since `start` needs nothing of a new container. */

import type { Environment } from '../state/root.js';

/** The caller's NOTIFY_SOCKET, for start. */
export function notifySocket(environment: Environment): { notifySocket?: string } {
  const socket = given(environment['NOTIFY_SOCKET']);
  return socket === undefined ? {} : { notifySocket: socket };
}

/** Callers pass an empty path for none. */
export function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
