/** A call that fails is no answer to what was asked by it: the error has the kernel's reason. */

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Injection } from '../support/inject.js';
import { executable } from './support/executable.js';
import { PREFIX, makeStage } from './support/stage.js';
import type { Faulted, Stage } from './support/stage.js';

let stage: Stage;
const id = `${PREFIX}reason`;

beforeAll(() => {
  stage = makeStage(executable());
});

afterAll(() => {
  stage.remove();
});

type Chosen = 'first' | 'last' | { after: string };

/** Fails one call of the process, by its name. */
function fail(
  target: Injection['target'],
  name: string,
  which: Chosen,
  errno: string,
  ...args: string[]
): Faulted {
  const { names } = stage.inject({ target, mode: 'count', timeout: 30_000 }, ...args);
  stage.tsrun('delete', '--force', id);
  const from = typeof which === 'object' ? names.indexOf(which.after) : 0;
  const index = which === 'last' ? names.lastIndexOf(name) : names.indexOf(name, from);
  expect(names[index]).toBe(name);
  const injection = { target, name, errno, mode: 'fail' as const, call: index + 1 };
  const failed = stage.inject({ ...injection, timeout: 30_000 }, ...args);
  expect(failed.injected).toBe(name);
  return failed;
}

test('whether a standard stream is open', () => {
  const { status, stderr } = fail('runtime', 'fcntl', 'first', 'ENOMEM', 'list');
  expect(stderr).toBe('tsrun: cannot ask for descriptor 0: cannot allocate memory\n');
  expect(status).toBe(1);
});

test('what kind of file config.json is', () => {
  const create = ['create', '--bundle', stage.bundle('plain', false), id];
  const { status, stderr } = fail('runtime', 'fstat', 'first', 'EIO', ...create);
  expect(stderr).toMatch(/^tsrun: cannot read .*config.json: input\/output error\n$/);
  expect(status).toBe(1);
});

test('whose processes /proc shows', () => {
  const create = ['create', '--bundle', stage.bundle('plain', false), id];
  const type = fail('runtime', 'statfs', 'first', 'ENOMEM', ...create);
  expect(type.stderr).toBe('tsrun: cannot ask what /proc is: cannot allocate memory\n');
  const link = fail('runtime', 'readlinkat', { after: 'statfs' }, 'EIO', ...create);
  expect(link.stderr).toBe('tsrun: cannot read the link /proc/self: input/output error\n');
});

test.each<[string, string, Chosen, string, RegExp]>([
  ['whether the program is there', 'newfstatat', 'last', 'EIO', /"?sh"?: input\/output error/],
  [
    'whether the root file system is the one that was looked up',
    'newfstatat',
    'first',
    'EIO',
    /\/root\/path: .*input\/output/,
  ],
  ['where the current directory is', 'getcwd', 'first', 'ENOMEM', /directory \/: cannot allocate/],
  ['what a device is', 'newfstatat', { after: 'mknodat' }, 'EIO', /\/dev\/null: input\/output/],
])('%s', (_what, name, which, errno, message) => {
  const create = ['create', '--bundle', stage.bundle('plain', false), id];
  const { status, stderr } = fail('helper', name, which, errno, ...create);
  expect(stderr).toMatch(message);
  expect(status).toBe(1);
  expect(stage.left()).toEqual([]);
});

test('whether exec can keep what it joins from looking into it', () => {
  expect(stage.create('plain', id)).toMatchObject({ status: 0, stderr: '' });
  expect(stage.tsrun('start', id)).toMatchObject({ status: 0, stderr: '' });
  const exec = ['exec', id, 'sh', '/once'];
  const { names } = stage.inject({ target: 'helper', mode: 'count', timeout: 30_000 }, ...exec);
  const call = names.indexOf('prctl', names.indexOf('setns')) + 1;
  const { injected, status, stderr } = stage.inject(
    { target: 'helper', mode: 'fail', name: 'prctl', errno: 'EPERM', call, timeout: 30_000 },
    ...exec,
  );
  expect(injected).toBe('prctl');
  expect(stderr).toMatch(/^tsrun: .*namespaces.*dumpable: operation not permitted\n$/);
  expect(status).toBe(255);
  expect(stage.tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
});

test.each([
  ['go on to the gate', 4, 'cannot hear from the process while it is set up'],
  ['open the gate', 2, 'cannot wait at the start gate: exec.fifo'],
  ['execute the program', 1, 'exec: "sh"'],
])('whether the process of run may %s', (_what, fromEnd, doing) => {
  const run = ['run', '--bundle', stage.bundle('plain', true), id];
  const { names } = stage.inject({ target: 'helper', mode: 'count', timeout: 30_000 }, ...run);
  const call = names.lastIndexOf('execve') + 1 - fromEnd;
  const { injected, status, stderr } = stage.inject(
    { target: 'helper', mode: 'fail', name: 'read', errno: 'ENOMEM', call, timeout: 30_000 },
    ...run,
  );
  expect(injected).toBe('read');
  expect(stderr).toMatch(new RegExp(`^tsrun: ${doing}: cannot allocate memory\n$`));
  expect(status).toBe(1);
  expect(stage.left()).toEqual([]);
});
