/** The helper that waits at the gate dies when that is opened: `start` does not say that the program runs. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { reap } from '../support/shim.js';
import { executable } from './support/executable.js';
import { PREFIX, eventually, isAsleep, makeStage } from './support/stage.js';
import type { Ended, Stage } from './support/stage.js';

let stage: Stage;
const id = `${PREFIX}gate`;

beforeAll(() => {
  stage = makeStage(executable());
});

afterAll(() => {
  stage.remove();
});

test.each([
  ['before it has read the byte', 'kill', 'read', 1],
  ['when it has read the byte', 'kill-after', 'read', 1],
  ['before it reads that for execve', 'kill', 'read', 2],
  ['in its execve', 'kill', 'execve', 3],
] as const)('%s', (_when, mode, name, call) => {
  expect(stage.create('plain', id)).toMatchObject({ status: 0, stderr: '' });
  const { pid } = JSON.parse(stage.tsrun('state', id).stdout) as { pid: number };
  expect(eventually(() => isAsleep(pid), 5000)).toBe(true);
  const started = stage.inject({ target: pid, mode, call, name, timeout: 30_000 }, 'start', id);
  expect(started.injected).toBe(name);
  expect(started.stderr).toMatch(
    /^tsrun: cannot start container ".*": (its process has ended|it has stopped)\n$/,
  );
  expect(started.status).toBe(1);
  expect(stage.program()).toBe('');
  expect(stage.tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
  expect(eventually(() => stage.left().length === 0, 5000)).toBe(true);
});

test.each([
  ['plain', 'helper', 'kill', 'close'],
  ['userns', 'forked', 'kill', 'close'],
  ['userns', 'forked', 'fail', 'read'],
] as const)(
  '%s: create waits until the %s has come to the gate (%s, %s)',
  (form, target, mode, name) => {
    const args = ['create', '--bundle', stage.bundle(form, false), id];
    const counted = stage.inject({ target, mode: 'count', timeout: 30_000 }, ...args);
    expect(counted).toMatchObject({ status: 0, stderr: '' });
    expect(stage.tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
    // The last call before the gate, which is a read itself where it was seen to begin.
    const closed = counted.names.lastIndexOf('close');
    const call = 1 + (name === 'close' ? closed : counted.names.lastIndexOf('read', closed));
    const errno = mode === 'fail' ? { errno: 'EIO' } : {};
    const failed = stage.inject({ target, mode, call, name, ...errno, timeout: 30_000 }, ...args);
    expect(failed.injected).toBe(name);
    expect(failed.stderr).toMatch(
      mode === 'kill' ? /was killed by signal 9 while it was set up/ : /input\/output error/,
    );
    expect(failed.status).toBe(1);
    expect(stage.left()).toEqual([]);
  },
);

/** A hook behind the gate that does not end before the test. */
function withHook<T>(action: () => T, seconds = '1000'): T {
  const config = join(stage.bundle('plain', false), 'config.json');
  const before = readFileSync(config, 'utf8');
  const spec = JSON.parse(before) as Spec;
  spec.hooks = { startContainer: [{ path: '/bin/sleep', args: ['sleep', seconds] }] };
  writeFileSync(config, JSON.stringify(spec));
  try {
    return action();
  } finally {
    writeFileSync(config, before);
  }
}

test.each([
  ['stopped before', false],
  ['in a hook', true],
])('%s, and reaped by its parent at once', async (_when, hook) => {
  const created = (): Ended => stage.create('plain', id);
  expect(hook ? withHook(created) : created()).toMatchObject({ status: 0, stderr: '' });
  const { pid } = JSON.parse(stage.tsrun('state', id).stdout) as { pid: number };
  if (!hook) process.kill(pid, 'SIGSTOP');
  const [file = '', ...args] = stage.command;
  const start = spawn(file, [...args, 'start', id], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  start.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const ended = once(start, 'close');
  // It has written the byte, and waits for what comes of it.
  expect(eventually(() => isAsleep(start.pid ?? 0), 5000)).toBe(true);
  const children = `/proc/${pid.toString()}/task/${pid.toString()}/children`;
  if (hook) expect(eventually(() => readFileSync(children, 'utf8') !== '', 5000)).toBe(true);
  process.kill(pid, 'SIGKILL');
  const isGone = (): boolean => {
    reap(pid);
    return !existsSync(`/proc/${pid.toString()}`);
  };
  expect(eventually(isGone, 5000)).toBe(true);
  expect(await ended).toEqual([1, null]);
  expect(stderr).toBe(`tsrun: cannot start container "${id}": its process has ended\n`);
  expect(stage.tsrun('delete', '--force', id).status).toBe(0);
});

test.each([
  ['before the helper has read anything', false],
  ['in a hook behind the gate', true],
])('start after one that was killed %s', async (_when, hook) => {
  const create = (): Ended => stage.create('plain', id);
  expect(hook ? withHook(create, '2') : create()).toMatchObject({ status: 0, stderr: '' });
  const { pid } = JSON.parse(stage.tsrun('state', id).stdout) as { pid: number };
  expect(eventually(() => isAsleep(pid), 5000)).toBe(true);
  if (!hook) process.kill(pid, 'SIGSTOP');
  const [file = '', ...args] = stage.command;
  const begin = (): ChildProcess => {
    const start = spawn(file, [...args, 'start', id], { stdio: 'ignore' });
    expect(eventually(() => isAsleep(start.pid ?? 0), 5000)).toBe(true);
    return start;
  };
  const first = begin();
  const children = `/proc/${pid.toString()}/task/${pid.toString()}/children`;
  if (hook) expect(eventually(() => readFileSync(children, 'utf8') !== '', 5000)).toBe(true);
  const killed = once(first, 'close');
  first.kill('SIGKILL');
  await killed;
  const second = once(begin(), 'close');
  if (!hook) process.kill(pid, 'SIGCONT');
  expect(await second).toEqual([0, null]);
  expect(JSON.parse(stage.tsrun('state', id).stdout)).toMatchObject({ status: 'running' });
  expect(stage.tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
});

test.each([
  ['run', 'helper', 1, /^tsrun: cannot start container ".*": its process has ended\n$/],
  [
    'exec',
    'forked',
    255,
    /^tsrun: the process was killed by signal 9 while it was set up \(.*\)\n$/,
  ],
] as const)(
  '%s says that its process was killed in its execve',
  (command, target, status, said) => {
    const args = (): string[] => {
      if (command === 'run') return ['run', '--bundle', stage.bundle('plain', true), id];
      expect(stage.create('plain', id)).toMatchObject({ status: 0, stderr: '' });
      expect(stage.tsrun('start', id)).toMatchObject({ status: 0 });
      return ['exec', id, 'sh', '/once'];
    };
    const end = (): void => {
      expect(stage.tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
    };
    const { names } = stage.inject({ target, mode: 'count', timeout: 30_000 }, ...args());
    end();
    const call = names.lastIndexOf('execve') + 1;
    const fault = { target, mode: 'kill', call, name: 'execve', timeout: 30_000 } as const;
    const ended = stage.inject(fault, ...args());
    expect(ended).toMatchObject({ injected: 'execve', status, stdout: '' });
    expect(ended.stderr).toMatch(said);
    end();
    expect(eventually(() => stage.left().length === 0, 5000)).toBe(true);
  },
);
