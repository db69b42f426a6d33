/**
 * Calls that are newer than the profile.
 *
 * A profile that allows a list of calls and answers EPERM to the rest keeps
 * programs from falling back to what the kernel had before: they do so on
 * ENOSYS. So a call whose number is higher than that of every call which the
 * profile names, on its architecture, is answered as by a kernel that does not
 * know it. (runc arranges the same, which managers' profiles rely on.)
 */

import type { LinuxSeccompAction } from '../spec/types.js';
import { RET_ENOSYS } from './actions.js';
import {
  DATA_ARCH,
  DATA_NR,
  encodeInstructions,
  JMP_JA,
  JMP_JEQ,
  JMP_JGT,
  JMP_JSET,
  LD_ABS,
  RET,
} from './bpf.js';
import type { Instruction } from './bpf.js';

const AUDIT_ARCH_X86_64 = 0xc000003e;
/** libseccomp's own number for what the kernel calls x86-64 too. */
const SCMP_ARCH_X32 = 0x4000003e;
/** Set in the number of every call of the x32 ABI. */
const X32_SYSCALL_BIT = 0x40000000;

const AUDIT_ARCH_ARM = 0x40000028;
/** __ARM_NR_BASE: above it are the few private calls of 32-bit ARM, and no new ones. */
const ARM_PRIVATE = 0x0f0000;

/**
 * Whether unknown calls get ENOSYS. Not where the default lets calls pass, nor
 * where a tracer answers them, who can say ENOSYS itself.
 */
export function answersEnosys(defaultAction: LinuxSeccompAction): boolean {
  return (
    defaultAction !== 'SCMP_ACT_ALLOW' &&
    defaultAction !== 'SCMP_ACT_LOG' &&
    defaultAction !== 'SCMP_ACT_TRACE'
  );
}

/**
 * Instructions that go before a filter and end in it.
 *
 * @param highest of each architecture its number and that of its highest call
 *   which the profile names; below 0 where it names none
 */
export function enosysPrologue(highest: readonly (readonly [number, number])[]): Uint8Array {
  const x32 = highest.find(([arch, number]) => arch === SCMP_ARCH_X32 && number >= 0)?.[1];
  const tests = highest
    .filter(([arch, number]) => arch !== SCMP_ARCH_X32 && number >= 0)
    .map(([arch, number]) => ({ arch, body: test(arch, number, x32) }));
  // Where the filter begins, as seen from the end of each test.
  let after = 0;
  const parts: Instruction[][] = [];
  for (const { arch, body } of [...tests].reverse()) {
    const whole: Instruction[] = [
      [JMP_JEQ, 0, body.length, arch],
      // `ja` of the body counts from the end of the test.
      ...body.map((instruction, index): Instruction => {
        const [code, jt, jf] = instruction;
        return code === JMP_JA ? [code, jt, jf, body.length - 1 - index + after] : instruction;
      }),
    ];
    parts.unshift(whole);
    after += whole.length;
  }
  return parts.length === 0
    ? new Uint8Array(0)
    : encodeInstructions([[LD_ABS, 0, 0, DATA_ARCH], ...parts.flat()]);
}

const INTO_FILTER: Instruction = [JMP_JA, 0, 0, 0];

function limit(number: number): Instruction[] {
  return [[JMP_JGT, 0, 1, number], [RET, 0, 0, RET_ENOSYS], INTO_FILTER];
}

function test(arch: number, number: number, x32: number | undefined): Instruction[] {
  const load: Instruction = [LD_ABS, 0, 0, DATA_NR];
  if (arch === AUDIT_ARCH_ARM) {
    return [load, [JMP_JGT, 0, 1, ARM_PRIVATE - 1], INTO_FILTER, ...limit(number)];
  }
  if (arch !== AUDIT_ARCH_X86_64) return [load, ...limit(number)];
  // Without x32 in the profile its calls are the filter's to refuse.
  const other = x32 === undefined ? [INTO_FILTER] : limit(x32);
  return [load, [JMP_JSET, 0, other.length, X32_SYSCALL_BIT], ...other, ...limit(number)];
}
