/** Rows 9 and 10 (CVE-2025-52565): what an image puts in the place of /dev/console and /dev/null. */

import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { linuxOf, processOf } from '../support/inside.js';
import { call } from '../support/libc.js';
import { stateOf, useScene } from '../support/scene.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';
import { acceptMessages, listenUnix } from '../support/unix-socket.js';
import type { Spec } from '../../src/spec/types.js';

const scene = useScene();

/** Of the kernel's list of devices (admin-guide/devices.txt). */
const UNIX98_PTY_SLAVE_MAJOR = 136;

/** A volume for /dev, in which the image's owner may put anything. */
function withVolume(spec: Spec): void {
  const others = spec.mounts?.filter(({ destination }) => !/^\/dev(\/[ms].*)?$/.test(destination));
  spec.mounts = [{ destination: '/dev', source: 'volume', options: ['bind'] }, ...(others ?? [])];
}

test('a /dev/console that is a link is refused, and the file that it names is as it was', async () => {
  const bundle = scene.bundle('true', (spec) => {
    withVolume(spec);
    processOf(spec).terminal = true;
    linuxOf(spec).maskedPaths = [];
  });
  const victim = join(bundle.path, 'victim');
  writeFileSync(victim, 'as it was');
  mkdirSync(join(bundle.path, 'volume/pts'), { recursive: true });
  symlinkSync(victim, join(bundle.path, 'volume/console'));
  const socket = join(bundle.path, 'console.sock');
  const listener = listenUnix(socket);
  const options = ['--console-socket', socket, '--bundle', bundle.path];
  const result = await scene.runtime(['create', ...options, newId()]);
  call('close', listener);
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toContain('/dev/console');
  expect(readFileSync(victim, 'utf8')).toBe('as it was');
});

test('the terminal is the one that was made, whatever the image has by its name', async () => {
  const bundle = scene.bundle('true', (spec) => {
    withVolume(spec);
    processOf(spec).terminal = true;
    linuxOf(spec).maskedPaths = [];
    const pts = spec.mounts?.find(({ destination }) => destination === '/dev/pts');
    if (pts !== undefined) pts.destination = '/dev/elsewhere';
  });
  const names = join(bundle.path, 'volume/pts');
  mkdirSync(names, { recursive: true });
  symlinkSync('../elsewhere/ptmx', join(names, 'ptmx'));
  for (let i = 0; i < 10; i++) writeFileSync(join(names, String(i)), 'from the image');
  const socket = join(bundle.path, 'console.sock');
  const listener = listenUnix(socket);
  const messages = acceptMessages(listener);
  const id = newId();
  const options = ['--console-socket', socket, '--bundle', bundle.path, id];
  const result = await scene.runtime(['create', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  for (const fd of (await messages).flatMap(({ fds }) => fds)) call('close', fd);
  call('close', listener);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  const { rdev } = statSync(`/proc/${String(pid)}/fd/0`);
  expect(rdev >> 8).toBe(UNIX98_PTY_SLAVE_MAJOR);
  expect(readFileSync(join(names, '0'), 'utf8')).toBe('from the image');
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
});

test('a stream that the caller has closed is the null device of the host, whatever the image has', async () => {
  const bundle = scene.bundle('stat -L -c "%F %t:%T" /proc/self/fd/0; cat; true', (spec) => {
    withVolume(spec);
    linuxOf(spec).maskedPaths = [];
  });
  mkdirSync(join(bundle.path, 'volume'));
  writeFileSync(join(bundle.path, 'volume/null'), 'from the image');
  const run = ['--root', scene.runtime.root, 'run', '--bundle', bundle.path, newId()];
  const result = await runProgram(['sh', '-c', 'exec "$0" "$@" <&-', ...COMMAND, ...run]);
  expect(result).toMatchObject({ status: 0, stderr: '', stdout: 'character special file 1:3\n' });
  expect(readFileSync(join(bundle.path, 'volume/null'), 'utf8')).toBe('from the image');
});
