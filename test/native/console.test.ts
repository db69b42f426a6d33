/** --console-socket and --pidfd-socket: one message, one descriptor, before the command returns. */

import { closeSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { fieldsOf, stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { openScreen } from '../support/terminal.js';
import { newId } from '../support/tsrun.js';
import { acceptMessages, listenUnix } from '../support/unix-socket.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

const terminal = (spec: Spec): void => {
  if (spec.process === undefined) return;
  spec.process.terminal = true;
  spec.process.consoleSize = { height: 33, width: 77 };
};

function onlyFd(messages: Awaited<ReturnType<typeof acceptMessages>>): [string, number] {
  expect(messages).toHaveLength(1);
  expect(messages[0]?.fds).toHaveLength(1);
  return [messages[0]?.text ?? '', messages[0]?.fds[0] ?? -1];
}

test('create sends the master side, which works and has the size of consoleSize', async () => {
  const bundle = scene.bundle(
    'stty size; tty; test -c /dev/console && echo console; read line; echo "got $line"',
    terminal,
  );
  const path = join(bundle.path, 'console.sock');
  const listener = listenUnix(path);
  const id = newId();
  const messages = acceptMessages(listener);
  const created = await scene.runtime(
    ['create', '--console-socket', path, '--bundle', bundle.path, id],
    QUIET,
  );
  expect(created.status).toBe(0);
  const [name, master] = onlyFd(await messages);
  closeSync(listener);
  expect(name.length).toBeGreaterThan(0);
  expect(name.length).toBeLessThan(4096);
  const { pid } = await stateOf(scene.runtime, id);
  const screen = openScreen(master);
  expect((await scene.runtime(['start', id])).status).toBe(0);
  await screen.until(/33 77\r\n\/dev\/pts\/0\r\nconsole\r\n/);
  await screen.type('typed\r');
  await screen.until(/got typed\r\n/);
  await screen.ended;
  expect(await waitFor(pid)).toEqual({ status: 0, signal: 0 });
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});

test('run --detach and exec --detach send theirs, and the user owns it', async () => {
  const bundle = scene.bundle('stat -c %u $(tty); exec sleep 1000', (spec) => {
    terminal(spec);
    if (spec.process !== undefined) spec.process.user = { uid: 1000, gid: 1000 };
  });
  const path = join(bundle.path, 'console.sock');
  const listener = listenUnix(path);
  const id = newId();
  const first = acceptMessages(listener);
  const run = ['run', '--detach', '--console-socket', path, '--bundle', bundle.path, id];
  expect((await scene.runtime(run, QUIET)).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  const outer = openScreen(onlyFd(await first)[1]);
  await outer.until(/^1000\r\n/);

  const second = acceptMessages(listener);
  const exec = ['exec', '-t', '--detach', '--console-socket', path, '--pid-file', `${path}.pid`];
  expect((await scene.runtime([...exec, id, 'sh', '-c', 'tty; exit 3'], QUIET)).status).toBe(0);
  const inner = openScreen(onlyFd(await second)[1]);
  await inner.until(/\/dev\/pts\/1\r\n/);
  await inner.ended;
  expect(await waitFor(Number(readFileSync(`${path}.pid`, 'utf8')))).toEqual({
    status: 3,
    signal: 0,
  });
  closeSync(listener);
  outer.close();
  await scene.runtime(['delete', '--force', id]);
});

test.each<[string, boolean, string[], RegExp]>([
  ['a terminal needs a socket when detached', true, [], /console socket/],
  ['a socket needs a terminal', false, ['--console-socket', '/nonexistent'], /terminal/],
  [
    'a socket that is not there',
    true,
    ['--console-socket', '/nonexistent'],
    /console socket \/nonexistent: no such file or directory/,
  ],
])('create: %s', async (_name, wantsTerminal, options, message) => {
  const bundle = scene.bundle('true', wantsTerminal ? terminal : undefined);
  const result = await scene.runtime(['create', ...options, '--bundle', bundle.path, newId()]);
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(/^tsrun: [^\n]*\n$/);
  expect(result.stderr).toMatch(message);
});

test('create and exec send a pidfd of the new process', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const path = join(bundle.path, 'pidfd.sock');
  const listener = listenUnix(path);
  const id = newId();
  const pidOf = (fd: number): number =>
    Number(fieldsOf(readFileSync(`/proc/self/fdinfo/${fd.toString()}`, 'utf8'))['Pid']);

  const first = acceptMessages(listener);
  const create = ['create', '--pidfd-socket', path, '--bundle', bundle.path, id];
  expect((await scene.runtime(create, QUIET)).status).toBe(0);
  const [name, pidfd] = onlyFd(await first);
  expect(name.length).toBeLessThan(4096);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  expect(pidOf(pidfd)).toBe(pid);
  closeSync(pidfd);
  expect((await scene.runtime(['start', id])).status).toBe(0);

  const second = acceptMessages(listener);
  const file = join(bundle.path, 'pid');
  const exec = ['exec', '--detach', '--pidfd-socket', path, '--pid-file', file, id, 'true'];
  expect((await scene.runtime(exec, QUIET)).status).toBe(0);
  const [, execPidfd] = onlyFd(await second);
  const execPid = Number(readFileSync(file, 'utf8'));
  // -1 when it has ended and been reaped.
  expect(pidOf(execPidfd)).toBe(execPid);
  closeSync(execPidfd);
  expect(await waitFor(execPid)).toEqual({ status: 0, signal: 0 });
  closeSync(listener);
  await scene.runtime(['delete', '--force', id]);
});

test('a pidfd socket that nobody listens on fails create, with nothing left', async () => {
  const bundle = scene.bundle('true');
  const path = join(bundle.path, 'pidfd.sock');
  closeSync(listenUnix(path));
  expect(existsSync(path)).toBe(true);
  const create = ['create', '--pidfd-socket', path, '--bundle', bundle.path, newId()];
  const result = await scene.runtime(create);
  expect(result).toMatchObject({ status: 1 });
  expect(result.stderr).toMatch(/^tsrun: .*pidfd socket .*: connection refused\n$/);
});
