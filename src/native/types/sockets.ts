/** Unix sockets. */

import type { FdOrErrno, Status } from './results.js';

export interface NativeSockets {
  /** A connected unix stream socket. Names over 107 bytes are reached through /proc/self/fd. */
  connectUnix(path: string): FdOrErrno;
  /** A non-blocking unix datagram socket with a new name in a directory, and exactly this mode, whatever the umask is. */
  bindDatagramAt(dirfd: number, name: string, mode: number): FdOrErrno;
  /** One datagram, with one descriptor in SCM_RIGHTS where `fd` is not -1. */
  sendUnixDatagram(path: string, data: string, fd: number): Status;
  /** One sendmsg(2) with one descriptor in SCM_RIGHTS; the number of bytes taken, which on a stream may be fewer. */
  sendFd(socket: number, data: string, fd: number): number;
}
