/** The helper that waits at the gate dies when that is opened: `start` does not say that the program runs. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { reap } from '../support/shim.js';
import { executable } from './support/executable.js';
import { PREFIX, eventually, isAsleep, makeStage } from './support/stage.js';
import type { Stage } from './support/stage.js';

let stage: Stage;
const id = `${PREFIX}gate`;

beforeAll(() => {
  stage = makeStage(executable());
});

afterAll(() => {
  stage.remove();
});

test.each([
  ['before it has read the byte', 'kill', 'read'],
  ['when it has read the byte', 'kill-after', 'read'],
  ['before it executes the program', 'kill', 'execve'],
] as const)('%s', (_when, mode, name) => {
  expect(stage.create('plain', id)).toMatchObject({ status: 0, stderr: '' });
  const { pid } = JSON.parse(stage.tsrun('state', id).stdout) as { pid: number };
  expect(eventually(() => isAsleep(pid), 5000)).toBe(true);
  const call = name === 'read' ? 1 : 2;
  const started = stage.inject({ target: pid, mode, call, name, timeout: 30_000 }, 'start', id);
  expect(started.injected).toBe(name);
  expect(started.stderr).toMatch(
    /^tsrun: cannot start (container ".*": its process has ended|a co)/,
  );
  expect(started.status).toBe(1);
  expect(stage.program()).toBe('');
  expect(stage.tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
  expect(eventually(() => stage.left().length === 0, 5000)).toBe(true);
});

test('stopped before, and reaped by its parent at once', async () => {
  expect(stage.create('plain', id)).toMatchObject({ status: 0, stderr: '' });
  const { pid } = JSON.parse(stage.tsrun('state', id).stdout) as { pid: number };
  process.kill(pid, 'SIGSTOP');
  const [file = '', ...args] = stage.command;
  const start = spawn(file, [...args, 'start', id], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  start.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const ended = once(start, 'close');
  // It has written the byte, and waits for what comes of it.
  expect(eventually(() => isAsleep(start.pid ?? 0), 5000)).toBe(true);
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
