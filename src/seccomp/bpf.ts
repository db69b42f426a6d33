/** Classic BPF as seccomp(2) takes it: encoding, and what a program answers to a call. */

/** Bytes of a struct sock_filter. */
export const INSTRUCTION_SIZE = 8;

/** Offsets in struct seccomp_data. */
export const DATA_NR = 0;
export const DATA_ARCH = 4;
const DATA_ARGS = 16;
const DATA_SIZE = 64;

export const LD_ABS = 0x20;
export const JMP_JA = 0x05;
export const JMP_JEQ = 0x15;
export const JMP_JGT = 0x25;
const JMP_JGE = 0x35;
export const JMP_JSET = 0x45;
const ALU_AND = 0x54;
export const RET = 0x06;

/** Operation, jumps when true and when not (instructions to skip), operand. */
export type Instruction = readonly [code: number, jt: number, jf: number, k: number];

export function encodeInstructions(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([code, jt, jf, k], index) => {
    const at = index * INSTRUCTION_SIZE;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
  });
  return bytes;
}

/** A call as the kernel shows it to a filter; arguments that are left out are 0. */
export interface SystemCall {
  number: number;
  /** AUDIT_ARCH_* */
  architecture: number;
  args: readonly number[];
}

/**
 * The answer of a filter to a call, SECCOMP_RET_* with its data.
 *
 * @throws RangeError for an instruction that libseccomp does not write
 */
export function answerOf(program: Uint8Array, call: SystemCall): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = seccompData(call);
  const end = program.byteLength;
  let a = 0;
  let at = 0;
  while (at < end) {
    const k = view.getUint32(at + 4, true);
    const code = view.getUint16(at, true);
    let holds: boolean;
    switch (code) {
      case LD_ABS:
        a = data.getUint32(k, true);
        at += INSTRUCTION_SIZE;
        continue;
      case ALU_AND:
        a = (a & k) >>> 0;
        at += INSTRUCTION_SIZE;
        continue;
      case JMP_JA:
        at += (k + 1) * INSTRUCTION_SIZE;
        continue;
      case RET:
        return k;
      case JMP_JEQ:
        holds = a === k;
        break;
      case JMP_JGT:
        holds = a > k;
        break;
      case JMP_JGE:
        holds = a >= k;
        break;
      case JMP_JSET:
        holds = (a & k) !== 0;
        break;
      default:
        throw new RangeError(`instruction 0x${code.toString(16)}`);
    }
    at += (view.getUint8(at + (holds ? 2 : 3)) + 1) * INSTRUCTION_SIZE;
  }
  throw new RangeError('no answer at the end of the program');
}

function seccompData({ number, architecture, args }: SystemCall): DataView {
  const data = new DataView(new ArrayBuffer(DATA_SIZE));
  data.setUint32(DATA_NR, number, true);
  data.setUint32(DATA_ARCH, architecture, true);
  args.forEach((value, index) => {
    const at = DATA_ARGS + 8 * index;
    data.setUint32(at, value >>> 0, true);
    data.setUint32(at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true);
  });
  return data;
}
