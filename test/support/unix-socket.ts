/** Unix sockets that Node cannot make: datagrams, and messages that carry descriptors. Through ffi-rs. */

import { call, callLater, int } from './libc.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

function bound(path: string, type: number): number {
  const fd = int(call('socket', AF_UNIX, type | SOCK_CLOEXEC, 0));
  const address = Buffer.alloc(128);
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  if (fd < 0 || int(call('bind', fd, address, 110)) !== 0) throw new Error(`cannot bind ${path}`);
  return fd;
}

/** A socket that connections can be made to. */
export function listenUnix(path: string): number {
  const fd = bound(path, SOCK_STREAM);
  if (int(call('listen', fd, 8)) !== 0) throw new Error(`cannot listen on ${path}`);
  return fd;
}

/** A datagram socket. */
export function bindDatagram(path: string): number {
  return bound(path, SOCK_DGRAM);
}

export interface Received {
  text: string;
  fds: number[];
}

/** Takes one connection, and all messages that come on it until it is closed. */
export async function acceptMessages(listener: number): Promise<Received[]> {
  const connection = int(await callLater('accept', listener, 0, 0));
  if (connection < 0) throw new Error('accept failed');
  const messages: Received[] = [];
  for (;;) {
    const message = await receiveMessage(connection);
    if (message.text === '') break;
    messages.push(message);
  }
  call('close', connection);
  return messages;
}

/** One message with its descriptors (recvmsg(2)). */
export async function receiveMessage(socket: number): Promise<Received> {
  const data = Buffer.alloc(8192);
  const control = Buffer.alloc(1024);
  const vector = Buffer.alloc(128);
  vector.writeBigUInt64LE(addressOf(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  // struct msghdr: iov at 16, its length at 24, control at 32, its length at 40.
  const header = Buffer.alloc(128);
  header.writeBigUInt64LE(addressOf(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  const length = await callLater('recvmsg', socket, header, MSG_CMSG_CLOEXEC);
  if (length < 0) throw new Error('recvmsg failed');
  const fds: number[] = [];
  // struct cmsghdr: its length with the header, level, type, then the data.
  if (header.readBigUInt64LE(40) >= 20n) {
    const end = Number(control.readBigUInt64LE(0));
    const rights = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
    for (let at = 16; rights && at + 4 <= end; at += 4) fds.push(control.readInt32LE(at));
  }
  return { text: data.subarray(0, length).toString(), fds };
}

/** Buffers of 128 bytes and more stay where they are. */
function addressOf(buffer: Buffer): bigint {
  return BigInt(call('memcpy', buffer, buffer, 0));
}
