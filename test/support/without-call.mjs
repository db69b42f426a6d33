// Runs a program under a seccomp filter that answers one system call with ENOSYS, as the filters
// of old dockers do for calls that they do not know:
//
//   node without-call.mjs NUMBER PROGRAM ARG...

import { spawnSync } from 'node:child_process';

import { DataType, load, open } from 'ffi-rs';

const [number, file, ...args] = process.argv.slice(2);

const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JEQ_K = 0x15;
const BPF_RET_K = 0x06;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_ERRNO = 0x00050000;
const ENOSYS = 38;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;

/** struct sock_filter: code, jt, jf, k. */
const program = Buffer.alloc(128);
[
  [BPF_LD_W_ABS, 0, 0, 0],
  [BPF_JMP_JEQ_K, 0, 1, Number(number)],
  [BPF_RET_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS],
  [BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW],
].forEach(([code, jt, jf, k], index) => {
  program.writeUInt16LE(code, index * 8);
  program.writeUInt8(jt, index * 8 + 2);
  program.writeUInt8(jf, index * 8 + 3);
  program.writeUInt32LE(k, index * 8 + 4);
});

open({ library: 'libc', path: 'libc.so.6' });
const call = (funcName, paramsType, paramsValue) =>
  load({ library: 'libc', funcName, retType: DataType.I64, paramsType, paramsValue });
const pointer = [DataType.U8Array, DataType.U8Array, DataType.I64];
/** struct sock_fprog: the length, and at 8 the address. */
const fprog = Buffer.alloc(128);
fprog.writeUInt16LE(4, 0);
fprog.writeBigUInt64LE(BigInt(call('memcpy', pointer, [program, program, 0])), 8);
const result = call(
  'prctl',
  [DataType.I64, DataType.I64, DataType.U8Array, DataType.I64, DataType.I64],
  [PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0],
);
if ((result | 0) !== 0) throw new Error('cannot load the filter');

const { status, signal, error } = spawnSync(file, args, { stdio: 'inherit' });
if (error !== undefined) throw error;
process.exit(signal === null ? status : 128);
