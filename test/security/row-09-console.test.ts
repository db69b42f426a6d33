/** Row 9 (CVE-2025-52565): what an image, or who shares its /dev, puts in the place of the console. */

import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { linuxOf, processOf } from '../support/inside.js';
import { call } from '../support/libc.js';
import { stateOf, useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import { acceptMessages, listenUnix } from '../support/unix-socket.js';
import { devVolume } from './attackers/dev.js';
import { testOnceRaces } from './races/tests.js';

const scene = useScene();

/** Of the kernel's list of devices (admin-guide/devices.txt). */
const UNIX98_PTY_SLAVE_MAJOR = 136;

test('a /dev/console that is a link is refused, and the file that it names is as it was', async () => {
  const bundle = scene.bundle('true', (spec) => {
    devVolume(spec);
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
    devVolume(spec);
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

testOnceRaces([
  {
    name: 'a console',
    step: 'console',
    place: '/dev',
    exchanged: ['console', 'link'],
    furnish: ({ volume, outside, rootfs }) => {
      for (const place of [outside, join(rootfs, outside)]) {
        writeFileSync(join(place, 'secret'), 'secret');
      }
      writeFileSync(join(volume, 'console'), '');
      symlinkSync(join(outside, 'secret'), join(volume, 'link'));
    },
    ask: ({ process }) => {
      if (process !== undefined) process.terminal = true;
    },
    // The root is not changed yet, so that the host's paths are those of the helper.
    landed: (pid, { rootfs, outside }) => {
      const mountinfo = readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8');
      const targets = [...mountinfo.matchAll(/^\S+ \S+ \S+ \/\d+ (\S+) .* - devpts /gm)]
        .map(([, target = '']) => target)
        .filter((target) => [rootfs, outside].some((place) => target.startsWith(`${place}/`)));
      expect(targets).toHaveLength(1);
      return targets[0]?.startsWith(outside) === true ? 'outside' : 'inside';
    },
  },
]);
