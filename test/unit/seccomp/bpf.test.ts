import { describe, expect, it } from 'vitest';

import { answerOf, encodeInstructions } from '../../../src/seccomp/bpf.js';
import { answersEnosys, enosysPrologue } from '../../../src/seccomp/enosys.js';

const X86_64 = 0xc000003e;
const X32 = 0x4000003e;
const I386 = 0x40000003;
const AARCH64 = 0xc00000b7;
const ARM = 0x40000028;
const ALLOW = 0x7fff0000;
const ENOSYS = 0x00050026;

/** A filter that lets everything pass, behind the prologue. */
function behind(highest: [number, number][]): Uint8Array {
  const prologue = enosysPrologue(highest);
  return Uint8Array.from([...prologue, ...encodeInstructions([[0x06, 0, 0, ALLOW]])]);
}

const answer = (program: Uint8Array, architecture: number, number: number): number =>
  answerOf(program, { number, architecture, args: [] });

describe('calls that are newer than the profile', () => {
  it.each<[string, [number, number][], number, number, number]>([
    ['the highest call', [[X86_64, 400]], X86_64, 400, ALLOW],
    ['the next one', [[X86_64, 400]], X86_64, 401, ENOSYS],
    ['an x32 call without x32', [[X86_64, 400]], X86_64, 0x40000000 + 500, ALLOW],
    ['a foreign call', [[X86_64, 400]], I386, 500, ALLOW],
    ['no call named', [[X86_64, -1]], X86_64, 500, ALLOW],
    ['arm64', [[AARCH64, 5]], AARCH64, 6, ENOSYS],
    ['32-bit ARM', [[ARM, 5]], ARM, 6, ENOSYS],
    ['the last call of 32-bit ARM that is not private', [[ARM, 5]], ARM, 0xeffff, ENOSYS],
    ['a private call of 32-bit ARM', [[ARM, 5]], ARM, 0xf0000, ALLOW],
  ])('%s', (_name, highest, architecture, number, expected) => {
    expect(answer(behind(highest), architecture, number)).toBe(expected);
  });

  it('counts for each architecture by itself', () => {
    const program = behind([
      [X86_64, 400],
      [I386, 300],
      [X32, 0x40000000 + 350],
    ]);
    const found = [
      [X86_64, 400],
      [X86_64, 401],
      [I386, 300],
      [I386, 301],
      [X86_64, 0x40000000 + 350],
      [X86_64, 0x40000000 + 351],
    ].map(([architecture = 0, number = 0]) => answer(program, architecture, number));
    expect(found).toEqual([ALLOW, ENOSYS, ALLOW, ENOSYS, ALLOW, ENOSYS]);
  });

  it('are let pass by an action that lets them, or asks a tracer', () => {
    const actions = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE'] as const;
    expect(actions.map(answersEnosys)).toEqual([false, false, false]);
    expect((['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL'] as const).map(answersEnosys)).toEqual([true, true]);
  });
});

describe('the interpreter', () => {
  it('compares 64 bits of an argument', () => {
    // Argument 1 is 0x1_0000_0002: low half first.
    const program = encodeInstructions([
      [0x20, 0, 0, 24],
      [0x15, 0, 3, 2],
      [0x20, 0, 0, 28],
      [0x15, 0, 1, 1],
      [0x06, 0, 0, ALLOW],
      [0x06, 0, 0, ENOSYS],
    ]);
    const of = (value: number): number =>
      answerOf(program, { number: 0, architecture: 0, args: [0, value] });
    expect([of(0x1_0000_0002), of(2), of(0x1_0000_0003)]).toEqual([ALLOW, ENOSYS, ENOSYS]);
  });

  it('refuses what libseccomp does not write, and a program without an answer', () => {
    const call = { number: 0, architecture: 0, args: [] };
    expect(() => answerOf(encodeInstructions([[0x87, 0, 0, 0]]), call)).toThrow('0x87');
    expect(() => answerOf(encodeInstructions([[0x05, 0, 0, 5]]), call)).toThrow('no answer');
  });
});
