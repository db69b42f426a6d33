/**
 * Runs a device program as the kernel does, for the instructions that such
 * programs are made of. Anything else, a jump out of the program, a read of an
 * unset register or of other memory, or an instruction that no path reaches is
 * what the kernel's verifier would refuse, and throws.
 */

export interface DeviceRequest {
  /** BPF_DEVCG_DEV_* */
  type: number;
  major: number;
  minor: number;
  /** BPF_DEVCG_ACC_* bits */
  access: number;
}

interface Instruction {
  opcode: number;
  dst: number;
  src: number;
  offset: number;
  immediate: number;
}

function decode(program: Uint8Array): Instruction[] {
  if (program.length % 8 !== 0) throw new Error('not a whole number of instructions');
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const instructions: Instruction[] = [];
  for (let at = 0; at < program.length; at += 8) {
    const registers = view.getUint8(at + 1);
    instructions.push({
      opcode: view.getUint8(at),
      dst: registers & 15,
      src: registers >> 4,
      offset: view.getInt16(at + 2, true),
      immediate: view.getInt32(at + 4, true),
    });
  }
  return instructions;
}

const CONTEXT = Symbol('context');

export function interpret(program: Uint8Array, request: DeviceRequest): boolean {
  const instructions = decode(program);
  const context = new Map([
    [0, ((request.access << 16) | request.type) >>> 0],
    [4, request.major],
    [8, request.minor],
  ]);
  const registers: (number | typeof CONTEXT | undefined)[] = [];
  registers[1] = CONTEXT;

  const get = (index: number): number => {
    const value = registers[index];
    if (typeof value !== 'number') throw new Error(`r${index} has no number`);
    return value;
  };

  for (let at = 0; ;) {
    const instruction = instructions[at];
    if (instruction === undefined) throw new Error(`jump out of the program, to ${at}`);
    const { opcode, dst, src, offset, immediate } = instruction;
    at++;
    switch (opcode) {
      case 0x61: {
        const value = registers[src] === CONTEXT ? context.get(offset) : undefined;
        if (value === undefined) throw new Error(`read of r${src}+${offset}`);
        registers[dst] = value;
        break;
      }
      case 0xbf:
        registers[dst] = get(src);
        break;
      case 0xb7:
        registers[dst] = immediate;
        break;
      case 0x54:
        registers[dst] = (get(dst) & immediate) >>> 0;
        break;
      case 0x74:
        registers[dst] = get(dst) >>> immediate;
        break;
      case 0x05:
        at += offset;
        break;
      case 0x15:
        if (get(dst) === immediate) at += offset;
        break;
      case 0x45:
        if ((get(dst) & immediate) !== 0) at += offset;
        break;
      case 0x55:
        if (get(dst) !== immediate) at += offset;
        break;
      case 0x95: {
        const verdict = get(0);
        if (verdict !== 0 && verdict !== 1) throw new Error(`verdict ${verdict}`);
        return verdict === 1;
      }
      default:
        throw new Error(`opcode 0x${opcode.toString(16)}`);
    }
  }
}

/** Throws where an instruction cannot be reached or a jump goes back, which the verifier refuses. */
export function verify(program: Uint8Array): void {
  const instructions = decode(program);
  const reachable = new Set([0]);
  for (const [at, { opcode, offset }] of instructions.entries()) {
    if (!reachable.has(at)) throw new Error(`instruction ${at} is unreachable`);
    if (opcode === 0x95) continue;
    const jumps = (opcode & 7) === 5;
    if (jumps && offset < 0) throw new Error(`instruction ${at} jumps back`);
    if (jumps) reachable.add(at + 1 + offset);
    if (opcode !== 0x05) reachable.add(at + 1);
  }
  for (const at of reachable) {
    if (at >= instructions.length) throw new Error('falls out of the program');
  }
}

/** Length of a program; a request takes at most this many steps. */
export function instructionCount(program: Uint8Array): number {
  return program.length / 8;
}
