import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { decidedCalls, defaultProfile } from '../../../src/seccomp/default-profile.js';
import type { LinuxSeccomp } from '../../../src/spec/types.js';
import { validateSpec } from '../../../src/spec/validate.js';
import { changedSpec } from '../spec/specs.js';

const HEADERS = '/usr/include/x86_64-linux-gnu/asm';

const allowed = ({ syscalls = [] }: LinuxSeccomp): string[] =>
  syscalls
    .filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && args === undefined)
    .flatMap(({ names }) => names);

it('decides on every call of the kernel headers, and on each once', (context) => {
  if (!existsSync(HEADERS)) context.skip('no headers of x86-64');
  const decided = decidedCalls();
  expect(decided.filter((name, index) => decided.indexOf(name) !== index)).toEqual([]);
  const known = ['unistd_64.h', 'unistd_32.h'].flatMap((file) =>
    [...readFileSync(`${HEADERS}/${file}`, 'utf8').matchAll(/#define __NR_(\w+)/g)].map(
      ([, name = '']) => name,
    ),
  );
  expect(known.length).toBeGreaterThan(700);
  // A kernel that is newer than this profile answers ENOSYS to what it does not name.
  expect(known.filter((name) => !decided.includes(name))).toEqual([]);
});

it('is a valid configuration that names each call once without conditions', () => {
  const profile = defaultProfile('x86_64', new Set());
  expect(validateSpec(changedSpec(['/linux/seccomp', profile]))).toEqual([]);
  const names = allowed(profile);
  expect(new Set(names).size).toBe(names.length);
  for (const name of [
    'mount',
    'bpf',
    'keyctl',
    'unshare',
    'ptrace',
    'clone',
    'socket',
    'socketcall',
  ]) {
    expect(names.filter((each) => each === name)).toEqual([]);
  }
});

it('allows what a capability is for', () => {
  const granted = (name: string): string[] => {
    const without = new Set(allowed(defaultProfile('x86_64', new Set())));
    return allowed(defaultProfile('x86_64', new Set([name]))).filter((call) => !without.has(call));
  };
  expect(granted('CAP_SYS_ADMIN')).toEqual(
    expect.arrayContaining(['mount', 'setns', 'unshare', 'clone', 'bpf']),
  );
  expect(granted('CAP_SYS_PTRACE')).toContain('ptrace');
  expect(granted('CAP_SYS_TIME')).toContain('clock_settime');
  expect(granted('CAP_KILL')).toEqual([]);
});
