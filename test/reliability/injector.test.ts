/** The injector itself, on programs of the host: what it counts, what it does, and that it always comes back. */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { buildInjector, inject } from '../support/inject.js';
import type { Injection, Report } from '../support/inject.js';
import { eventually, isAlive } from './support/stage.js';

let directory: string;
let injector: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-inject-'));
  injector = buildInjector(directory);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Ran extends Report {
  out: string;
  err: string;
}

function run(injection: Partial<Injection>, ...command: string[]): Ran {
  const paths = ['out', 'err'].map((name) => join(directory, name));
  const [out = -1, err = -1] = paths.map((path) => openSync(path, 'w'));
  const whole: Injection = { target: 'runtime', mode: 'count', timeout: 10_000, ...injection };
  const report = inject(injector, whole, command, [out, err]);
  closeSync(out);
  closeSync(err);
  const [outText = '', errText = ''] = paths.map((path) => readFileSync(path, 'utf8'));
  return { ...report, out: outText, err: errText };
}

const ECHO = ['/bin/busybox', 'echo', 'hello'];

test('count names the calls of the command and leaves it alone', () => {
  const { names, calls, status, out } = run({}, ...ECHO);
  expect({ status, out }).toEqual({ status: 0, out: 'hello\n' });
  expect(names).toHaveLength(calls);
  expect(names).toContain('write');
  expect(names.at(-1)).toBe('exit_group');
});

test('fail makes one call fail, and no other', () => {
  const call = run({}, ...ECHO).names.indexOf('write') + 1;
  const failed = run({ mode: 'fail', call, errno: 'ENOSPC' }, ...ECHO);
  expect(failed).toMatchObject({ injected: 'write', out: '' });
  expect(failed.err).toContain('No space left');
  expect(failed.status).toBe(1);
  expect(run({ mode: 'fail', call: 1000, errno: 'EIO' }, ...ECHO)).toMatchObject({
    injected: undefined,
    status: 0,
    out: 'hello\n',
  });
});

test('kill ends the process before the call, kill-after when it was done', () => {
  const call = run({}, ...ECHO).names.indexOf('write') + 1;
  const before = run({ mode: 'kill', call }, ...ECHO);
  expect(before).toMatchObject({ injected: 'write', signal: 9, status: undefined, out: '' });
  const after = run({ mode: 'kill-after', call }, ...ECHO);
  expect(after).toMatchObject({ injected: 'write', signal: 9, out: 'hello\n' });
});

test('of the processes that the command makes the first is the helper', () => {
  const shell = ['sh', '-c', '(echo one; exit 3); echo $?'];
  const { names } = run({ target: 'helper' }, ...shell);
  const call = names.indexOf('write') + 1;
  expect(call).toBeGreaterThan(0);
  expect(run({ target: 'helper', mode: 'kill', call }, ...shell).out).toContain('137\n');
});

test('a process that is there already', async () => {
  const given = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] });
  onTestFinished(() => {
    given.kill('SIGKILL');
  });
  await once(given, 'spawn');
  const ended = once(given, 'exit');
  // The call in which it waits begins anew; it goes on when the command has ended.
  const { names, status } = run({ target: given.pid ?? 0 }, 'sleep', '0.1');
  expect([names.at(-1), status]).toEqual(['read', 0]);
  given.stdin.end('go\n');
  expect(await ended).toEqual([0, null]);
});

test('a command that does not end is a hang, and is gone after it', () => {
  const hang = run({ timeout: 300 }, 'sh', '-c', 'echo $$; sleep 1000; :');
  expect(hang).toMatchObject({ status: undefined, signal: undefined });
  expect(hang.where).toEqual([
    expect.stringMatching(/^runtime \d+ S wait4 /),
    expect.stringMatching(/^child \d+ S (clock_)?nanosleep /),
  ]);
  for (const line of hang.where) {
    const pid = Number(line.split(' ')[1]);
    expect(eventually(() => !isAlive(pid), 5000)).toBe(true);
  }
});
