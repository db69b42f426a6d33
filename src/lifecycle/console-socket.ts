/**
 * `--console-socket` and `--pidfd-socket`: unix sockets of the caller's that
 * get one message with one descriptor.
 */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';

/** go-runc and conmon read the name into 4096 bytes. */
const MAX_NAME = 4095;

/** @throws TsrunError ERR_CONSOLE */
export function connectSocket(native: Native, what: string, path: string): number {
  const fd = native.connectUnix(path);
  if (fd < 0) {
    throw new TsrunError(
      'ERR_CONSOLE',
      `cannot connect to ${what} ${path}: ${native.strerror(-fd)}`,
      { errno: -fd },
    );
  }
  return fd;
}

/**
 * Sends the descriptor with its name as payload; both stay open.
 *
 * @throws TsrunError ERR_CONSOLE
 */
export function sendDescriptor(
  native: Native,
  what: string,
  socket: number,
  name: string,
  fd: number,
): void {
  const sent = native.sendFd(socket, name.slice(0, MAX_NAME), fd);
  if (sent < 0) {
    throw new TsrunError(
      'ERR_CONSOLE',
      `cannot send a descriptor to the ${what}: ${native.strerror(-sent)}`,
      { errno: -sent },
    );
  }
}
