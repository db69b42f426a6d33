/** Row 9 (CVE-2025-52565, CVE-2026-88264): what an image, or who shares its /dev, puts in the place of the console. */

import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

import { linuxOf, processOf } from '../support/inside.js';
import { call, int } from '../support/libc.js';
import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import { listenUnix } from '../support/unix-socket.js';
import { devVolume } from './attackers/dev.js';
import { testOnceRaces } from './races/tests.js';

const scene = useScene();

/** inotify(7) */
const IN_NONBLOCK = 0o4000;
const IN_OPEN = 0x20;

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

test.each([false, true])(
  'a /dev/console that is a link to nowhere makes no file on the host (read-only root: %s)',
  async (readonly) => {
    const socket = join(scene.bundle('true').path, 'console.sock');
    const made = join(dirname(socket), 'made');
    const bundle = scene.bundle('true', (spec) => {
      // Nothing on /dev itself, so that what the image has there stays in sight.
      spec.mounts = spec.mounts!.filter(
        ({ destination }) => !/^\/dev(\/(shm|mqueue))?$/.test(destination),
      );
      spec.root = { ...spec.root!, readonly };
      processOf(spec).terminal = true;
      linuxOf(spec).maskedPaths = [];
    });
    mkdirSync(join(bundle.rootfs, 'dev'), { recursive: true });
    symlinkSync(made, join(bundle.rootfs, 'dev/console'));
    const listener = listenUnix(socket);
    const options = ['--console-socket', socket, '--bundle', bundle.path];
    const result = await scene.runtime(['create', ...options, newId()]);
    call('close', listener);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain('/dev/console');
    expect(existsSync(made)).toBe(false);
  },
);

test('a terminal is made of a devpts, not of what the image has by its names', async () => {
  const bundle = scene.bundle('true', (spec) => {
    devVolume(spec);
    processOf(spec).terminal = true;
    linuxOf(spec).maskedPaths = [];
    const pts = spec.mounts?.find(({ destination }) => destination === '/dev/pts');
    if (pts !== undefined) pts.destination = '/dev/elsewhere';
  });
  const names = join(bundle.path, 'volume/pts');
  mkdirSync(names, { recursive: true });
  // One side of a terminal would be a true one, and the other not.
  symlinkSync('../elsewhere/ptmx', join(names, 'ptmx'));
  for (let i = 0; i < 10; i++) writeFileSync(join(names, String(i)), 'from the image');
  const socket = join(bundle.path, 'console.sock');
  const listener = listenUnix(socket);
  const options = ['--console-socket', socket, '--bundle', bundle.path, newId()];
  const result = await scene.runtime(['create', ...options]);
  call('close', listener);
  expect(result).toMatchObject({
    status: 1,
    stderr: 'tsrun: /process/terminal: cannot make a terminal: there is no devpts on /dev/pts\n',
  });
  expect(statSync(join(names, '0')).uid).toBe(0);
  expect(readFileSync(join(names, '0'), 'utf8')).toBe('from the image');
});

test('nothing is opened to learn whether it is a terminal, by exec neither', async () => {
  const { id, bundle, remove } = await scene.started('exec sleep 1000', (spec) => {
    // Of a file that may not be written to it would not come to an opening.
    if (spec.root !== undefined) spec.root.readonly = false;
    spec.mounts = spec.mounts?.filter(({ destination }) => !destination.startsWith('/dev')) ?? [];
    linuxOf(spec).maskedPaths = [];
  });
  const ptmx = join(bundle.rootfs, 'dev/pts/ptmx');
  mkdirSync(join(bundle.rootfs, 'dev/pts'), { recursive: true });
  writeFileSync(ptmx, '');
  const events = int(call('inotify_init1', IN_NONBLOCK));
  expect(int(call('inotify_add_watch', events, Buffer.from(`${ptmx}\0`), IN_OPEN))).toBe(1);
  const socket = join(bundle.path, 'console.sock');
  const listener = listenUnix(socket);
  const result = await scene.runtime([
    ...['exec', '--tty', '--detach', '--console-socket', socket, id, 'true'],
  ]);
  call('close', listener);
  const heard = int(call('read', events, Buffer.alloc(4096), 4096));
  call('close', events);
  await remove();
  expect(result.status).not.toBe(0);
  expect(result.stderr).toContain('there is no devpts on /dev/pts');
  expect(heard).toBe(-1);
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
