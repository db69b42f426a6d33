/** What a test worker and the process that has the virtual machine say to each other: lines of JSON. */

import type { Socket } from 'node:net';

/** Where the machine is, in the environment as TSRUN_VM. */
export type VmPlace =
  | { socket: string; share: string }
  /** Why there is none. */
  | { skip: string };

export type Request =
  /** Run NAME.cmd of the share. */
  | { ask: string }
  /** End the machine: it does not answer. */
  | { kill: string };

export type Reply =
  | { done: string }
  /** It has ended; what it said last. */
  | { dead: string };

/** Calls `onLine` with every line that comes. */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
}
