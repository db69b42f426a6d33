import { describe, expect, it } from 'vitest';
import { CLONE_NEWPID, CLONE_NEWUSER } from '../../../src/native/constants.js';
import { describeStep, explainFailure } from '../../../src/plan/describe.js';
import { planContainer } from '../../../src/plan/container.js';
import { FailureCode } from '../../../src/plan/steps.js';
import type { Step } from '../../../src/plan/steps.js';
import { facts, onlyStep, spec } from './support.js';

const ENOENT = 'no such file or directory';
const find: Step = { op: 'find', at: '/process/args/0', file: 'foo', directories: ['/bin'] };
const exec: Step = { op: 'exec', at: '/process/args/0', args: ['/x'], env: [] };
const hook: Step = {
  op: 'hook',
  at: '/hooks/createContainer/1',
  path: '/h',
  args: ['/h'],
  env: [],
  inRoot: true,
  slot: -1,
  timeout: 2,
  before: '',
  after: '',
};
const plan = planContainer(
  spec({
    mounts: [
      { destination: '/x', type: 'tmpfs' },
      { destination: '/y', source: '/src', options: ['bind'] },
    ],
  }),
  facts(),
);
const mount = onlyStep(plan, 'mount');
const bind = onlyStep(plan, 'bind');

describe('failed steps', () => {
  it.each([
    [mount, ENOENT, FailureCode.none, '/x', `/mounts/0: cannot mount tmpfs on /x: ${ENOENT}`],
    [
      mount,
      'invalid argument',
      FailureCode.explained,
      "tmpfs: Unknown parameter 'foo'",
      "/mounts/0: cannot mount tmpfs on /x: tmpfs: Unknown parameter 'foo': invalid argument",
    ],
    [bind, ENOENT, FailureCode.none, '/src', `/mounts/1: cannot bind-mount /src on /y: ${ENOENT}`],
    [
      { ...mount, type: 'proc', target: '/proc' },
      'too many levels of symbolic links',
      FailureCode.wrongType,
      '/proc',
      '/mounts/0: cannot mount proc on /proc: /proc is not a directory of its own (a symbolic link?)',
    ],
    [
      { op: 'symlink', at: '', target: '/dev/fd', contents: '/proc/self/fd', replace: true },
      'too many levels of symbolic links',
      FailureCode.wrongType,
      '/dev/fd',
      'cannot make link /dev/fd: a symbolic link leads to /dev/fd',
    ],
    [
      { op: 'mask', at: '/linux/maskedPaths/0', target: '/proc/kcore' },
      'invalid argument',
      FailureCode.wrongType,
      '/dev/null',
      '/linux/maskedPaths/0: cannot mask /proc/kcore: /dev/null is not the null device',
    ],
    [
      { op: 'cwd', at: '/process/cwd', path: '/proc/self/fd/7', late: false },
      ENOENT,
      FailureCode.outsideRoot,
      '/proc/self/fd/7',
      "/process/cwd: cannot change to directory /proc/self/fd/7: it is outside of the container's root",
    ],
    [
      onlyStep(plan, 'credentials'),
      'operation not permitted',
      FailureCode.none,
      'setgroups',
      '/process/user: cannot become user 0:0: setgroups: operation not permitted',
    ],
  ] as [Step, string, number, string, string][])('%#', (step, errno, code, text, message) => {
    expect(explainFailure(step, errno, code, text)).toEqual({ code: 'ERR_SYSTEM', message });
  });
});

describe('programs that cannot be run', () => {
  const missing = /executable file not found in|no such file or directory|open executable/;
  const denied = /permission denied|operation not permitted/;

  it.each([
    [
      find,
      ENOENT,
      FailureCode.notInPath,
      'foo',
      'exec: "foo": executable file not found in $PATH',
      missing,
    ],
    [{ ...find, file: '/x' }, ENOENT, FailureCode.none, '/x', `exec: "/x": ${ENOENT}`, missing],
    [
      exec,
      ENOENT,
      FailureCode.missingInterpreter,
      '/lib/ld.so',
      `exec: "/x": missing interpreter "/lib/ld.so": ${ENOENT}`,
      missing,
    ],
    [
      exec,
      'permission denied',
      FailureCode.notExecutable,
      '/x',
      'exec: "/x": permission denied (no execute permission)',
      denied,
    ],
    [
      find,
      'permission denied',
      FailureCode.isDirectory,
      'foo',
      'exec: "foo": is a directory: permission denied',
      denied,
    ],
    [
      exec,
      'exec format error',
      FailureCode.badFormat,
      '/x',
      'exec: "/x": exec format error',
      /exec format/,
    ],
  ] as [Step, string, number, string, string, RegExp][])(
    '%#',
    (step, errno, code, text, message, callers) => {
      expect(explainFailure(step, errno, code, text)).toEqual({ code: 'ERR_EXEC', message });
      expect(message).toMatch(callers);
    },
  );
});

describe('hooks that fail', () => {
  it.each([
    [FailureCode.hookFailed, '/h: exit status 3', 'hook "/h" failed: exit status 3'],
    [FailureCode.hookTimeout, '/h', 'hook "/h" ran longer than its timeout of 2 s'],
    [FailureCode.none, '/h', `cannot run hook "/h": ${ENOENT}`],
  ])('%#', (code, text, message) => {
    expect(explainFailure(hook, ENOENT, code, text)).toEqual({
      code: 'ERR_HOOK',
      message: `/hooks/createContainer/1: ${message}`,
    });
  });
});

describe('descriptions', () => {
  it.each([
    [CLONE_NEWUSER, 'cannot make a new user namespace'],
    [CLONE_NEWUSER | CLONE_NEWPID, 'cannot make new pid and user namespaces'],
  ])('of namespaces say how many they are (%i)', (flags, expected) => {
    expect(describeStep({ op: 'fork', at: '', flags })).toBe(expected);
  });

  it('are there for every step of a plan', () => {
    const full = planContainer(
      spec({
        process: { terminal: true, cwd: '/w' },
        linux: { sysctl: { 'net.ipv4.ip_forward': '1' }, rootfsPropagation: 'shared' },
        hooks: { prestart: [{ path: '/h' }], startContainer: [{ path: '/h' }] },
      }),
      facts(),
    );
    for (const step of full.steps) {
      expect(describeStep(step)).toMatch(/^(cannot [a-z]|exec: |hook )/);
    }
  });
});
