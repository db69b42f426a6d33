import { describe, expect, it } from 'vitest';

import { seccompFlags, wantsListener } from '../../../src/seccomp/flags.js';
import { hiddenRules, resolveProfile } from '../../../src/seccomp/profile.js';
import type { LinuxSeccomp } from '../../../src/spec/types.js';

const profile = (change: Partial<LinuxSeccomp>): LinuxSeccomp => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  ...change,
});

describe('what libseccomp is told', () => {
  it('has the actions with their data', () => {
    const actions = [
      'SCMP_ACT_KILL',
      'SCMP_ACT_KILL_THREAD',
      'SCMP_ACT_KILL_PROCESS',
      'SCMP_ACT_TRAP',
      'SCMP_ACT_ERRNO',
      'SCMP_ACT_TRACE',
      'SCMP_ACT_ALLOW',
      'SCMP_ACT_LOG',
      'SCMP_ACT_NOTIFY',
    ] as const;
    const { profile: resolved } = resolveProfile(
      profile({
        defaultErrnoRet: 38,
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_MIPS64N32'],
        syscalls: actions.map((action) => ({ names: ['read'], action })),
      }),
    );
    expect(resolved.defaultAction).toBe(0x50026);
    expect(resolved.architectures).toEqual(['x86_64', 'mips64n32']);
    expect(resolved.rules.map(({ action }) => action)).toEqual([
      0, 0, 0x80000000, 0x30000, 0x50001, 0x7ff00001, 0x7fff0000, 0x7ffc0000, 0x7fc00000,
    ]);
  });

  it('has comparisons as four numbers, 64 bits exact', () => {
    const big = 18446744073709551615n;
    const { profile: resolved } = resolveProfile(
      profile({
        syscalls: [
          {
            names: ['clone'],
            action: 'SCMP_ACT_ALLOW',
            args: [
              { index: 0, value: big, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' },
              { index: 1, value: 3, op: 'SCMP_CMP_NE' },
            ],
          },
        ],
      }),
    );
    expect(resolved.rules.map(({ args }) => args)).toEqual([[0, 7, big, 2, 1, 1, 3, 0]]);
  });

  it('makes a rule each of comparisons of the same argument, and knows where it came from', () => {
    const arg = (value: number) => ({ index: 0, value, op: 'SCMP_CMP_EQ' as const });
    const { profile: resolved, origin } = resolveProfile(
      profile({
        syscalls: [
          { names: ['read'], action: 'SCMP_ACT_ALLOW' },
          { names: ['personality'], action: 'SCMP_ACT_ALLOW', args: [arg(0), arg(8)] },
        ],
      }),
    );
    expect(resolved.rules.map(({ args }) => args)).toEqual([[], [0, 4, 0, 0], [0, 4, 8, 0]]);
    expect(origin).toEqual([0, 1, 1]);
  });
});

describe('rules that mean nothing', () => {
  const eq = { args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' as const }] };
  const names = ['read'];

  it('are those beside the first one that compares nothing, if they say something else', () => {
    const hidden = hiddenRules(
      profile({
        syscalls: [
          { names, action: 'SCMP_ACT_KILL', ...eq },
          { names, action: 'SCMP_ACT_ALLOW' },
          { names, action: 'SCMP_ACT_ALLOW', ...eq },
          { names: ['read', 'write'], action: 'SCMP_ACT_LOG' },
        ],
      }),
    );
    expect(hidden).toEqual([
      { name: 'read', rule: 0, by: 1 },
      { name: 'read', rule: 3, by: 1 },
    ]);
  });

  it('are not those with the default action, nor any where all compare', () => {
    const same = profile({
      syscalls: [
        { names, action: 'SCMP_ACT_ERRNO' },
        { names, action: 'SCMP_ACT_ALLOW', ...eq },
        { names, action: 'SCMP_ACT_KILL', args: [{ index: 1, value: 1, op: 'SCMP_CMP_EQ' }] },
      ],
    });
    expect(hiddenRules(same)).toEqual([]);
    expect(hiddenRules(profile({}))).toEqual([]);
  });
});

describe('flags', () => {
  const all = profile({
    flags: [
      'SECCOMP_FILTER_FLAG_TSYNC',
      'SECCOMP_FILTER_FLAG_LOG',
      'SECCOMP_FILTER_FLAG_SPEC_ALLOW',
      'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
    ],
  });

  it('are those of the kernel, each where it means something', () => {
    expect(seccompFlags(all, false)).toBe(1 | 2 | 4);
    expect(seccompFlags(all, true)).toBe(2 | 4 | 32);
    expect(seccompFlags(profile({}), false)).toBe(0);
  });

  it('come with a listener when a rule notifies', () => {
    expect(wantsListener(profile({ listenerPath: '/s' }))).toBe(false);
    const syscalls = [{ names: ['mknod'], action: 'SCMP_ACT_NOTIFY' as const }];
    expect(wantsListener(profile({ syscalls }))).toBe(true);
  });
});
