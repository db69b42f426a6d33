// Runs a program under a seccomp filter that answers one system call in the kernel's place, with
// ENOSYS as the filters of old dockers do for calls that they do not know, with another errno, or
// with the end of the process that makes it; all calls of that number, or those with one argument
// (counted from 0) of one value:
//
//   node without-call.mjs NUMBER[,ARGUMENT=VALUE][:ERRNO|:kill] PROGRAM ARG...

import { spawnSync } from 'node:child_process';

import { DataType, load, open } from 'ffi-rs';

const [rule, file, ...args] = process.argv.slice(2);
const [, number, argument, value, answer = '38'] = /^(\d+)(?:,(\d)=(\d+))?(?::(kill|\d+))?$/.exec(
  rule,
);

const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JEQ_K = 0x15;
const BPF_RET_K = 0x06;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_ERRNO = 0x00050000;
const SECCOMP_RET_KILL_PROCESS = 0x80000000;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;

const answered = answer === 'kill' ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | Number(answer);
/** The lower half of an argument in struct seccomp_data. */
const at = 16 + 8 * Number(argument);

/** struct sock_filter: code, jt, jf, k. */
const program = Buffer.alloc(128);
const instructions = [
  [BPF_LD_W_ABS, 0, 0, 0],
  [BPF_JMP_JEQ_K, 0, argument === undefined ? 1 : 3, Number(number)],
  ...(argument === undefined
    ? []
    : [
        [BPF_LD_W_ABS, 0, 0, at],
        [BPF_JMP_JEQ_K, 0, 1, Number(value)],
      ]),
  [BPF_RET_K, 0, 0, answered],
  [BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW],
];
instructions.forEach(([code, jt, jf, k], index) => {
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
fprog.writeUInt16LE(instructions.length, 0);
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
