/** Calls of a container that a filter asks about (seccomp_unotify(2)). Through ffi-rs. */

import { call, callLater, int } from './libc.js';

const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const NOTIF_ID_VALID = 0x40082102;

export interface NotifiedCall {
  id: bigint;
  /** As this process sees it. */
  pid: number;
  number: number;
  /** The first argument. */
  arg: bigint;
}

/** Waits for a call. */
export async function takeCall(fd: number): Promise<NotifiedCall> {
  const request = Buffer.alloc(128);
  const got = int(await callLater('ioctl', fd, NOTIF_RECV, request));
  if (got !== 0) throw new Error('there is no call to be taken');
  // id; pid; flags; number; architecture; instruction pointer; arguments
  return {
    id: request.readBigUInt64LE(0),
    pid: request.readUInt32LE(8),
    number: request.readInt32LE(16),
    arg: request.readBigUInt64LE(32),
  };
}

export function answerCall(fd: number, id: bigint, errno: number): void {
  const response = Buffer.alloc(128);
  // id; val; error; flags
  response.writeBigUInt64LE(id, 0);
  response.writeInt32LE(-errno, 16);
  if (int(call('ioctl', fd, NOTIF_SEND, response)) !== 0) throw new Error('nobody waits any more');
}

/** Whether the caller still waits for its answer. */
export function isWaiting(fd: number, id: bigint): boolean {
  const cookie = Buffer.alloc(128);
  cookie.writeBigUInt64LE(id, 0);
  return int(call('ioctl', fd, NOTIF_ID_VALID, cookie)) === 0;
}
