/**
 * Compiled filters for architectures that this machine does not have, or
 * whose calls its kernel does not have: what the programs answer.
 */

import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';

import type { Native } from '../../src/native/types.js';
import { answerOf, INSTRUCTION_SIZE, JMP_JA, LD_ABS, RET } from '../../src/seccomp/bpf.js';
import { defaultProfile } from '../../src/seccomp/default-profile.js';
import { compileFilter } from '../../src/seccomp/filter.js';
import type { LinuxSeccomp } from '../../src/spec/types.js';

const native = createRequire(import.meta.url)(
  process.env['TSRUN_ADDON'] ?? '../../native/build/Release/tsrun.node',
) as Native;

const ALLOW = 0x7fff0000;
const KILL = 0;
const errno = (number: number): number => 0x00050000 | number;

/** AUDIT_ARCH_* of linux/audit.h; the kernel shows x32 as x86-64, with a bit in the number. */
const X86_64 = 0xc000003e;
const X86 = 0x40000003;
const AARCH64 = 0xc00000b7;
const ARM = 0x40000028;
const RISCV64 = 0xc00000f3;
const X32 = 0x40000000;

type Asked = [what: string, architecture: number, number: number, args: number[], answer: number];

function holds(seccomp: LinuxSeccomp, asked: readonly Asked[]): void {
  const program = compileFilter(native, seccomp);
  const answers = asked.map(([what, architecture, number, args]) => [
    what,
    answerOf(program, { number, architecture, args }),
  ]);
  expect(answers).toEqual(asked.map(([what, , , , answer]) => [what, answer]));
}

/** Of classic BPF, see src/seccomp/bpf.ts. */
const ALU_AND = 0x54;

/** Instructions on the longest way through a program, whatever is asked. All jumps go forward. */
function longestWay(program: Uint8Array): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const ways: number[] = [];
  for (let index = program.byteLength / INSTRUCTION_SIZE - 1; index >= 0; index -= 1) {
    const at = index * INSTRUCTION_SIZE;
    const code = view.getUint16(at, true);
    const next = (skipped: number): number => ways[index + 1 + skipped] ?? Infinity;
    if (code === RET) ways[index] = 1;
    else if (code === LD_ABS || code === ALU_AND) ways[index] = 1 + next(0);
    else if (code === JMP_JA) ways[index] = 1 + next(view.getUint32(at + 4, true));
    else ways[index] = 1 + Math.max(next(view.getUint8(at + 2)), next(view.getUint8(at + 3)));
  }
  return ways[0] ?? 0;
}

describe('a filter for many architectures', () => {
  const seccomp: LinuxSeccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 95,
    architectures: [
      ...(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'] as const),
      ...(['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM', 'SCMP_ARCH_RISCV64'] as const),
    ],
    syscalls: [
      { names: ['getpid', 'openat', 'open'], action: 'SCMP_ACT_ALLOW' },
      {
        names: ['clone'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      { names: ['personality'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
    ],
  };

  test.each<[string, number, number, number, number, number]>([
    ['x86-64', X86_64, 39, 56, 135, 104],
    ['32-bit x86', X86, 20, 120, 136, 47],
    ['x32', X86_64, X32 + 39, X32 + 56, X32 + 135, X32 + 104],
    ['arm64', AARCH64, 172, 220, 92, 176],
    ['32-bit ARM', ARM, 20, 120, 136, 47],
    ['riscv64', RISCV64, 172, 220, 92, 176],
  ])('has the numbers of %s', (_name, architecture, getpid, clone, personality, getgid) => {
    holds(seccomp, [
      ['getpid', architecture, getpid, [], ALLOW],
      ['clone', architecture, clone, [17], ALLOW],
      ['clone of a user namespace', architecture, clone, [0x10000011], errno(95)],
      ['personality', architecture, personality, [8], errno(13)],
      ['what it does not name', architecture, getgid, [], errno(95)],
    ]);
  });

  test('answers ENOSYS above the highest that it names, on each by itself', () => {
    holds(seccomp, [
      // The highest are openat, on arm64 and riscv64 clone.
      ['x86-64', X86_64, 257, [], ALLOW],
      ['x86-64, the next', X86_64, 258, [], errno(38)],
      ['32-bit x86', X86, 295, [], ALLOW],
      ['32-bit x86, the next', X86, 296, [], errno(38)],
      ['x32', X86_64, X32 + 257, [], ALLOW],
      ['x32, the next', X86_64, X32 + 258, [], errno(38)],
      ['arm64', AARCH64, 220, [], ALLOW],
      ['arm64, the next', AARCH64, 221, [], errno(38)],
      ['32-bit ARM', ARM, 322, [], ALLOW],
      ['32-bit ARM, the next', ARM, 323, [], errno(38)],
      ['riscv64', RISCV64, 220, [], ALLOW],
      ['riscv64, the next', RISCV64, 221, [], errno(38)],
    ]);
  });

  test('kills by architectures that it does not name', () => {
    const [, , , , , , ...few] = [...(seccomp.architectures ?? [])];
    holds({ ...seccomp, architectures: few }, [
      ['x86-64, the machine', X86_64, 39, [], ALLOW],
      ['32-bit x86', X86, 20, [], KILL],
      ['x32', X86_64, X32 + 39, [], KILL],
      ['arm64', AARCH64, 172, [], KILL],
    ]);
  });
});

describe('the default profile on arm64', () => {
  const profile = defaultProfile('aarch64', new Set());

  test('allows, refuses and knows the families of sockets as on x86-64, for both architectures', () => {
    holds(profile, [
      ['openat', AARCH64, 56, [], ALLOW],
      ['mount', AARCH64, 40, [], errno(1)],
      ['bpf', AARCH64, 280, [], errno(1)],
      ['keyctl', AARCH64, 219, [], errno(1)],
      ['unshare', AARCH64, 97, [], errno(1)],
      ['clone', AARCH64, 220, [17], ALLOW],
      ['clone of a user namespace', AARCH64, 220, [0x10000011], errno(1)],
      ['clone3', AARCH64, 435, [], errno(38)],
      ['socket of AF_UNIX', AARCH64, 198, [1], ALLOW],
      ['socket of AF_ALG', AARCH64, 198, [38], errno(97)],
      ['socket of AF_VSOCK', AARCH64, 198, [40], errno(97)],
      ['personality', AARCH64, 92, [0x40000], errno(1)],
      ['personality, asking', AARCH64, 92, [0xffffffff], ALLOW],
      ['what is newer', AARCH64, 500, [], errno(38)],
      ['openat of 32 bits', ARM, 322, [], ALLOW],
      ['socket of AF_ALG of 32 bits', ARM, 281, [38], errno(97)],
      ['mount of 32 bits', ARM, 21, [], errno(1)],
      ['set_tls', ARM, 0xf0005, [], ALLOW],
      ['what is newer, of 32 bits', ARM, 500, [], errno(38)],
      ['a private call that there is not', ARM, 0xf0006, [], errno(1)],
    ]);
  });
});

test.each(['x86_64', 'aarch64'] as const)(
  'the default profile on %s takes few comparisons for any call: a tree, and no list',
  (machine) => {
    const program = compileFilter(native, defaultProfile(machine, new Set()));
    // As a list of numbers it would be more than 300.
    expect(longestWay(program)).toBeLessThan(64);
  },
);
