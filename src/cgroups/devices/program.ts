/**
 * Device decisions as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE.
 *
 * The kernel runs it each time a process of the cgroup opens a device or makes
 * a node, with a `struct bpf_cgroup_dev_ctx` (linux/bpf.h) in r1:
 *
 *     offset 0  u32 access_type   (accesses << 16) | kind of device
 *     offset 4  u32 major
 *     offset 8  u32 minor
 *
 * and allows it when the program returns 1. A request can ask for several
 * accesses at once (open for reading and writing); all must be allowed. The
 * program clears those that are from r3 and ends as soon as none is left, or as
 * soon as one is denied.
 *
 * Registers: r0 the verdict, r2 kind, r3 accesses not yet allowed, r4 major,
 * r5 minor. All jumps go forward, so the verifier has nothing to think about.
 */

import { TsrunError } from '../../errors.js';
import { normalise } from './normalise.js';
import type { Decision, Run } from './normalise.js';
import { ACCESS_ALL, ANY, DEFAULT_RULES, DEVICE_BLOCK, DEVICE_CHAR } from './rules.js';
import type { DeviceRule } from './rules.js';

// Opcodes (Documentation/bpf/standardization/instruction-set.rst).
const LDX_MEM_W = 0x61;
const MOV64_REG = 0xbf;
const MOV64_IMM = 0xb7;
const AND32_IMM = 0x54;
const RSH32_IMM = 0x74;
const JA = 0x05;
const JEQ_IMM = 0x15;
const JSET_IMM = 0x45;
const JNE_IMM = 0x55;
const EXIT = 0x95;

const R_VERDICT = 0;
const R_CONTEXT = 1;
const R_KIND = 2;
const R_ACCESS = 3;
const R_MAJOR = 4;
const R_MINOR = 5;

/** Greatest distance of a jump: its offset is a signed 16-bit number of instructions. */
const JUMP_MAX = 0x7fff;

/**
 * Compiles rules, in the order in which they apply, for loadDeviceProgram().
 *
 * @returns the instructions, or undefined when the rules allow everything:
 *   without a program the kernel does the same
 * @throws TsrunError ERR_UNSUPPORTED when there are several thousand rules
 */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array | undefined {
  if (isDefault(rules)) return DEFAULT_PROGRAM;
  const { runs, defaultAllow } = normalise(rules);
  if (defaultAllow && runs.length === 0) return undefined;
  return assemble(runs, defaultAllow);
}

/** Whether all that counts of the rules is that everything but the default devices is denied. */
function isDefault(rules: readonly DeviceRule[]): boolean {
  const first = rules.length - DEFAULT_RULES.length;
  const before = rules[first - 1];
  if (before?.type !== 'all' || before.allow) return false;
  return DEFAULT_RULES.every((rule, index) => rules[first + index] === rule);
}

/** The program for update: like deviceProgram, and one that allows everything where that is asked for. */
export function replacementProgram(rules: readonly DeviceRule[]): Uint8Array {
  const { runs, defaultAllow } = normalise(rules);
  return assemble(runs, defaultAllow);
}

function assemble(runs: readonly Run[], defaultAllow: boolean): Uint8Array {
  const code = new Code();
  if (runs.length > 0) {
    code.add(LDX_MEM_W, R_KIND, R_CONTEXT, 0, 0);
    code.add(LDX_MEM_W, R_MAJOR, R_CONTEXT, 4, 0);
    code.add(LDX_MEM_W, R_MINOR, R_CONTEXT, 8, 0);
    code.add(MOV64_REG, R_ACCESS, R_KIND, 0, 0);
    code.add(RSH32_IMM, R_ACCESS, 0, 0, 16);
    code.add(AND32_IMM, R_KIND, 0, 0, 0xffff);
  }
  const verdict: Verdicts = { allow: [], deny: [] };
  for (const run of runs) {
    addKind(code, run, DEVICE_CHAR, verdict);
    addKind(code, run, DEVICE_BLOCK, verdict);
  }
  addVerdict(code, defaultAllow, defaultAllow ? verdict.allow : verdict.deny);
  const other = defaultAllow ? verdict.deny : verdict.allow;
  if (other.length > 0) addVerdict(code, !defaultAllow, other);
  return code.bytes();
}

/** Indices of the jumps that lead to each verdict. */
interface Verdicts {
  allow: number[];
  deny: number[];
}

function addVerdict(code: Code, allow: boolean, jumps: readonly number[]): void {
  for (const jump of jumps) code.landHere(jump);
  code.add(MOV64_IMM, R_VERDICT, 0, 0, allow ? 1 : 0);
  code.add(EXIT, 0, 0, 0, 0);
}

function addKind(code: Code, run: Run, kind: Decision['type'], verdict: Verdicts): void {
  const byMajor = new Map<number, Decision[]>();
  let count = 0;
  for (const decision of run.decisions) {
    if (decision.type !== kind) continue;
    const group = byMajor.get(decision.major);
    if (group === undefined) byMajor.set(decision.major, [decision]);
    else group.push(decision);
    count++;
  }
  if (count === 0) return;

  const jumps = run.allow ? verdict.allow : verdict.deny;
  // What matches most comes last: nothing may follow a decision about all that is left.
  const anyMajor = byMajor.get(ANY);
  const last = anyMajor?.find((decision) => decision.minor === ANY);
  if (count === 1 && last?.final === true) {
    jumps.push(code.add(JEQ_IMM, R_KIND, 0, 0, kind));
    return;
  }

  const otherKind = code.add(JNE_IMM, R_KIND, 0, 0, kind);
  for (const [major, group] of byMajor) {
    if (major !== ANY) addMajor(code, run.allow, major, group, jumps);
  }
  for (const decision of anyMajor ?? []) {
    if (decision !== last) addMinor(code, run.allow, decision, jumps);
  }
  if (last !== undefined) {
    if (last.final) jumps.push(code.add(JA, 0, 0, 0, 0));
    else addPartial(code, run.allow, last.access, jumps);
  }
  code.landHere(otherKind);
}

function addMajor(
  code: Code,
  allow: boolean,
  major: number,
  group: readonly Decision[],
  jumps: number[],
): void {
  const only = group.length === 1 ? group[0] : undefined;
  if (only?.minor === ANY && only.final) {
    jumps.push(code.add(JEQ_IMM, R_MAJOR, 0, 0, major));
    return;
  }
  const otherMajor = code.add(JNE_IMM, R_MAJOR, 0, 0, major);
  let anyMinor: Decision | undefined;
  for (const decision of group) {
    if (decision.minor !== ANY) addMinor(code, allow, decision, jumps);
    else if (decision.final) anyMinor = decision;
    else addPartial(code, allow, decision.access, jumps);
  }
  if (anyMinor !== undefined) jumps.push(code.add(JA, 0, 0, 0, 0));
  code.landHere(otherMajor);
}

function addMinor(code: Code, allow: boolean, decision: Decision, jumps: number[]): void {
  if (decision.final) {
    jumps.push(code.add(JEQ_IMM, R_MINOR, 0, 0, decision.minor));
    return;
  }
  const otherMinor = code.add(JNE_IMM, R_MINOR, 0, 0, decision.minor);
  addPartial(code, allow, decision.access, jumps);
  code.landHere(otherMinor);
}

/** A decision about some accesses of the devices that the program has come to. */
function addPartial(code: Code, allow: boolean, access: number, jumps: number[]): void {
  if (allow) {
    code.add(AND32_IMM, R_ACCESS, 0, 0, ACCESS_ALL & ~access);
    jumps.push(code.add(JEQ_IMM, R_ACCESS, 0, 0, 0));
  } else {
    jumps.push(code.add(JSET_IMM, R_ACCESS, 0, 0, access));
  }
}

/** A growing `struct bpf_insn` array: u8 code, u4 dst, u4 src, s16 off, s32 imm; little-endian. */
class Code {
  private data = new Uint8Array(64 * 8);
  private length = 0;

  /** @returns the index of the instruction */
  add(opcode: number, dst: number, src: number, offset: number, immediate: number): number {
    const index = this.length++;
    const at = index * 8;
    if (at === this.data.length) {
      const larger = new Uint8Array(this.data.length * 2);
      larger.set(this.data);
      this.data = larger;
    }
    const data = this.data;
    data[at] = opcode;
    data[at + 1] = (src << 4) | dst;
    data[at + 2] = offset & 0xff;
    data[at + 3] = offset >> 8;
    data[at + 4] = immediate & 0xff;
    data[at + 5] = (immediate >> 8) & 0xff;
    data[at + 6] = (immediate >> 16) & 0xff;
    data[at + 7] = immediate >>> 24;
    return index;
  }

  /** Lets a jump lead to the next instruction. */
  landHere(jump: number): void {
    const distance = this.length - jump - 1;
    if (distance > JUMP_MAX) {
      throw new TsrunError(
        'ERR_UNSUPPORTED',
        '/linux/resources/devices: too many rules for one device program',
        { pointer: '/linux/resources/devices' },
      );
    }
    this.data[jump * 8 + 2] = distance & 0xff;
    this.data[jump * 8 + 3] = distance >> 8;
  }

  bytes(): Uint8Array {
    return this.data.slice(0, this.length * 8);
  }
}

/** What nearly all containers get, compiled once. */
const DEFAULT_PROGRAM = replacementProgram(DEFAULT_RULES);
