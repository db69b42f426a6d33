/** What the kernel tells of filters to those who listen for audit records (netlink(7)). Through ffi-rs. */

import { closeSync } from 'node:fs';

import { call, callLater, int } from './libc.js';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_AUDIT = 9;
const AUDIT_NLGRP_READLOG = 1;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const NETLINK_HEADER = 16;
/** AUDIT_SECCOMP of linux/audit.h. */
const AUDIT_SECCOMP = 1326;

export interface AuditRecord {
  comm: string;
  syscall: number;
  /** SECCOMP_RET_* without its data. */
  code: number;
}

export interface Audit {
  /** Records of filters, until one of a program of this name, itself included. */
  until(comm: string): Promise<AuditRecord[]>;
  close(): void;
}

/** All records from now on. @returns undefined where the kernel has no audit */
export function listenForAudit(): Audit | undefined {
  const socket = int(call('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT));
  if (socket < 0) return undefined;
  // struct sockaddr_nl: family, padding, port, groups.
  const address = Buffer.alloc(128);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(1 << (AUDIT_NLGRP_READLOG - 1), 8);
  const patience = Buffer.alloc(128);
  patience.writeBigInt64LE(10n, 0);
  const bound = int(call('bind', socket, address, 12));
  if (bound !== 0 || int(call('setsockopt', socket, SOL_SOCKET, SO_RCVTIMEO, patience, 16)) !== 0) {
    closeSync(socket);
    return undefined;
  }
  return {
    until: async (comm) => {
      const records: AuditRecord[] = [];
      for (;;) {
        const message = Buffer.alloc(8192);
        const size = await callLater('recv', socket, message, message.length, 0);
        if (size < NETLINK_HEADER) throw new Error(`no audit record of ${comm}`);
        if (message.readUInt16LE(4) !== AUDIT_SECCOMP) continue;
        const text = message.subarray(NETLINK_HEADER, size).toString('latin1');
        const record = {
          comm: / comm="([^"]*)"/.exec(text)?.[1] ?? '',
          syscall: Number(/ syscall=(\d+)/.exec(text)?.[1]),
          code: Number(/ code=(0x[0-9a-f]+)/.exec(text)?.[1]),
        };
        records.push(record);
        if (record.comm === comm) return records;
      }
    },
    close: () => {
      closeSync(socket);
    },
  };
}
