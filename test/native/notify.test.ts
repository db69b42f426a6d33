/** NOTIFY_SOCKET and LISTEN_FDS of the caller, --preserve-fds (sd_notify(3), sd_listen_fds(3)). */

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import type { Bundle } from '../support/bundle.js';
import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';
import { bindDatagram, receiveMessage } from '../support/unix-socket.js';

const scene = useScene();
const QUIET = ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'];

/** A bundle with the host's perl, which can send datagrams: `notify TEXT` sends one. */
function notifying(script: string, change: (spec: Spec) => void = () => undefined): Bundle {
  const bundle = scene.bundle(script, change);
  mkdirSync(join(bundle.rootfs, 'usr'));
  for (const name of ['lib', 'lib64']) symlinkSync(`usr/${name}`, join(bundle.rootfs, name));
  const perl =
    'use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; ' +
    'defined(send(S, $ARGV[0], 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET}))) or die $!';
  writeFileSync(join(bundle.rootfs, 'bin/notify'), `#!/usr/bin/perl\n${perl}\n`, { mode: 0o755 });
  bundle.spec.mounts?.push({
    destination: '/usr',
    source: '/usr',
    type: 'bind',
    options: ['rbind', 'ro'],
  });
  bundle.write();
  return bundle;
}

test('start relays READY=1 alone, tells the pid, and returns then', async () => {
  // What is not READY=1 is the manager's business with others; it ends lines at a
  // carriage return, too.
  const script = `notify 'STATUS=early'; notify 'STATUS=more
READY=1\rMAINPID=1
STOPPING=1'; echo "$NOTIFY_SOCKET" > /tmp/out/socket; exec sleep 1000`;
  const bundle = notifying(script, (spec) => {
    if (spec.process !== undefined) spec.process.user = { uid: 1000, gid: 1000 };
  });
  mkdirSync(join(bundle.path, 'out'), { mode: 0o777 });
  bundle.spec.mounts?.push({
    destination: '/tmp/out',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['mode=1777'],
  });
  bundle.write();
  const path = join(bundle.path, 'notify.sock');
  const socket = bindDatagram(path);
  const env = { ...process.env, NOTIFY_SOCKET: path };
  const id = newId();
  const create = ['create', '--bundle', bundle.path, id];
  expect((await scene.runtime(create, { stdio: QUIET, env })).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  let returned = false;
  const started = scene.runtime(['start', id], { env }).then((result) => {
    returned = true;
    expect(result).toMatchObject({ status: 0, stderr: '' });
  });
  expect((await receiveMessage(socket)).text).toBe('READY=1\n');
  expect((await receiveMessage(socket)).text).toBe(`MAINPID=${pid.toString()}\n`);
  // The sender must be there until the manager has seen to what it said.
  const { text, fds } = await receiveMessage(socket);
  expect(text).toBe('BARRIER=1');
  expect(fds).toHaveLength(1);
  expect(returned).toBe(false);
  for (const fd of fds) closeSync(fd);
  await started;
  closeSync(socket);
  await scene.runtime(['delete', '--force', id]);
});

test('start returns when the container ends without having said it', async () => {
  const bundle = notifying('notify STATUS=no; exit 5');
  const path = join(bundle.path, 'notify.sock');
  const socket = bindDatagram(path);
  const env = { ...process.env, NOTIFY_SOCKET: path };
  const id = newId();
  const create = ['create', '--bundle', bundle.path, id];
  expect((await scene.runtime(create, { stdio: QUIET, env })).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  expect(await scene.runtime(['start', id], { env })).toMatchObject({ status: 0, stderr: '' });
  expect(await waitFor(pid)).toEqual({ status: 5, signal: 0 });
  closeSync(socket);
  await scene.runtime(['delete', id]);
});

test('a foreground run relays while the container runs', async () => {
  const bundle = notifying('notify READY=1; read line; exit 6');
  const path = join(bundle.path, 'notify.sock');
  const socket = bindDatagram(path);
  const [file = '', ...args] = COMMAND;
  const run = ['--root', scene.runtime.root, 'run', '--bundle', bundle.path, newId()];
  const child = spawn(file, [...args, ...run], {
    env: { ...process.env, NOTIFY_SOCKET: path },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  expect((await receiveMessage(socket)).text).toBe('READY=1\n');
  expect((await receiveMessage(socket)).text).toMatch(/^MAINPID=\d+\n$/);
  for (const fd of (await receiveMessage(socket)).fds) closeSync(fd);
  child.stdin.end('go on\n');
  expect(await ended).toBe(6);
  closeSync(socket);
});

test('what a container leaves beside its socket goes with it, and nothing that it links to', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const env = { ...process.env, NOTIFY_SOCKET: join(bundle.path, 'notify.sock') };
  const id = newId();
  const create = ['create', '--bundle', bundle.path, id];
  expect((await scene.runtime(create, { stdio: QUIET, env })).status).toBe(0);
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  const kept = join(bundle.path, 'kept');
  mkdirSync(kept);
  writeFileSync(join(kept, 'file'), '');
  // As a container does that may write there: deeper than a path is long, or a stack.
  const nest =
    `cd '${join(scene.runtime.root, id, 'notify')}' && perl -e ` +
    `'for (1 .. 3000) { mkdir "d" and chdir "d" or die $! } symlink($ARGV[0], "l") or die $!' '${kept}' && ` +
    `mkdir a && touch a/f && ln -s '${kept}' a/l && ln -s '${kept}' l`;
  expect((await runProgram(['sh', '-c', nest])).status).toBe(0);
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(join(kept, 'file'), 'utf8')).toBe('');
});

test('without NOTIFY_SOCKET the container has none', async () => {
  const text = await scene.output('echo "<$NOTIFY_SOCKET>"; ls /run 2>/dev/null || echo none');
  expect(text).toBe('<>\nnone\n');
});

/** `run` with further descriptors from 3 on; what the container prints. */
async function withDescriptors(
  bundle: Bundle,
  files: string[],
  options: string[],
  how: { env?: Record<string, string>; prefix?: string[] } = {},
): Promise<{ status: unknown; stdout: string; stderr: string }> {
  const fds = files.map((path) => openSync(path, 'r'));
  const [file = '', ...args] = [...(how.prefix ?? []), ...COMMAND];
  const child = spawn(
    file,
    [...args, '--root', scene.runtime.root, 'run', ...options, '--bundle', bundle.path, newId()],
    { env: { ...process.env, ...how.env }, stdio: ['ignore', 'pipe', 'pipe', ...fds] },
  );
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise((resolve) => child.on('close', resolve));
  for (const fd of fds) closeSync(fd);
  return { status, stdout, stderr };
}

/** Every file that is open in the program, then its environment of socket activation. */
const LIST = `for fd in 0 1 2 3 4 5 6 7 8 9 10 11 12; do
  test -e /proc/$$/fd/$fd && test $fd -gt 2 && echo $fd: $(cat <&$fd); done
  echo "$LISTEN_FDS $LISTEN_PID $$"`;

function numbered(bundle: Bundle, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const path = join(bundle.path, `file${index.toString()}`);
    writeFileSync(path, `content ${index.toString()}`);
    return path;
  });
}

/** LISTEN_PID names the process that execve makes of the shell: the runtime. */
const ACTIVATE = ['sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"'];

test('no descriptor of the caller reaches the program unasked', async () => {
  const bundle = scene.bundle(LIST);
  // More than set-up has: its own would take the places of the first ones.
  const result = await withDescriptors(bundle, numbered(bundle, 10), []);
  expect(result).toEqual({ status: 0, stdout: '  1\n', stderr: '' });
});

test('--preserve-fds hands on as many as it says', async () => {
  const bundle = scene.bundle(LIST);
  const result = await withDescriptors(bundle, numbered(bundle, 3), ['--preserve-fds', '2']);
  expect(result).toEqual({ status: 0, stdout: '3: content 0\n4: content 1\n  1\n', stderr: '' });
});

test('LISTEN_FDS is for pid 1, and --preserve-fds is counted after it', async () => {
  const bundle = scene.bundle(LIST);
  const result = await withDescriptors(bundle, numbered(bundle, 3), ['--preserve-fds', '1'], {
    env: { LISTEN_FDS: '2' },
    prefix: ACTIVATE,
  });
  expect(result).toEqual({
    status: 0,
    stdout: '3: content 0\n4: content 1\n5: content 2\n2 1 1\n',
    stderr: '',
  });
});

test('LISTEN_FDS for another process is not ours', async () => {
  const bundle = scene.bundle(LIST);
  const env = { LISTEN_FDS: '2', LISTEN_PID: '1' };
  const result = await withDescriptors(bundle, numbered(bundle, 2), [], { env });
  expect(result).toEqual({ status: 0, stdout: '  1\n', stderr: '' });
});

test('a descriptor that is not open is refused', async () => {
  const bundle = scene.bundle(LIST);
  const result = await withDescriptors(bundle, [], ['--preserve-fds', '1000']);
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(
    /^tsrun: --preserve-fds: descriptor \d+ is not (open|the caller's [^\n]*)\n$/,
  );
});

test('exec hands on its --preserve-fds', async () => {
  const container = await scene.started('exec sleep 1000');
  const [path = ''] = numbered(container.bundle, 1);
  const fd = openSync(path, 'r');
  const [file = '', ...args] = COMMAND;
  const exec = ['--root', scene.runtime.root, 'exec', '--preserve-fds', '1', container.id];
  const child = spawn(file, [...args, ...exec, 'sh', '-c', LIST], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  closeSync(fd);
  expect(stdout).toMatch(/^3: content 0\n {2}\d+\n$/);
  expect(readFileSync(path, 'utf8')).toBe('content 0');
  await container.remove();
});
