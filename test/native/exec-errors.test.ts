/** A program that cannot be run: the cause by name, on run, create, start and exec. */

import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Process, Spec } from '../../src/spec/types.js';
import { stateOf, useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

const running =
  (args: string[], more: Partial<Process> = {}) =>
  (spec: Spec): void => {
    spec.process = { ...spec.process, ...more, args } as Process;
  };

/** Programs that cannot be run, each for its own reason. */
function addBadPrograms(rootfs: string): void {
  const add = (name: string, text: string, mode = 0o755): void => {
    writeFileSync(join(rootfs, 'bin', name), text, { mode });
  };
  add('script', '#!/no/interpreter -x\n');
  add('plain', '#!/bin/sh\n', 0o644);
  add('garbage', '\x7fELF and nothing else');
  add('text', 'echo not a script\n');
  add('secret', '#!/bin/sh\n', 0o700);
  copyFileSync('/usr/bin/true', join(rootfs, 'bin/dynamic'));
  chmodSync(join(rootfs, 'bin/dynamic'), 0o755);
  symlinkSync('/no/where', join(rootfs, 'bin/dangling'));
  symlinkSync('loop', join(rootfs, 'bin/loop'));
  mkdirSync(join(rootfs, 'bin/directory'));
}

const NOT_FOUND = 'no such file or directory';

// Managers look for `executable file not found in` and `no such file or directory` (status 127),
// and for `permission denied` (126).
const CASES: [name: string, file: string, reason: RegExp | string][] = [
  ['not in PATH', 'nothing', 'executable file not found in $PATH'],
  ['not there', '/bin/nothing', NOT_FOUND],
  ['in a directory that is not there', '/nowhere/x', NOT_FOUND],
  ['a dangling link', '/bin/dangling', NOT_FOUND],
  ['a link to itself', '/bin/loop', 'too many levels of symbolic links'],
  ['below a file', '/etc/passwd/x', 'not a directory'],
  ['a directory', '/bin/directory', 'is a directory: permission denied'],
  ['without the x bit', '/bin/plain', 'permission denied (no execute permission)'],
  ['of another format', '/bin/garbage', 'exec format error'],
  ['a script without #!', '/bin/text', 'exec format error'],
  ['without its interpreter', '/bin/script', `missing interpreter "/no/interpreter": ${NOT_FOUND}`],
  ['without its loader', '/bin/dynamic', /^missing interpreter "\/lib.*ld-.*": no such file or/],
  ['not in PATH without the x bit', 'plain', /permission denied/],
];

function expectReason(result: Result, status: number, file: string, reason: RegExp | string): void {
  expect(result).toMatchObject({ status, stdout: '' });
  const match = /^tsrun: exec: "([^"]*)": ([^\n]*)\n$/.exec(result.stderr);
  expect(match?.[1], result.stderr).toBe(file);
  if (typeof reason === 'string') expect(match?.[2]).toBe(reason);
  else expect(match?.[2]).toMatch(reason);
}

test.each(CASES)('run: %s', async (_name, file, reason) => {
  const bundle = scene.bundle('', running([file, 'argument']));
  addBadPrograms(bundle.rootfs);
  expectReason(await scene.run(bundle), 1, file, reason);
});

test('exec: each of them, with 255 and no pid file', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  addBadPrograms(bundle.rootfs);
  const id = newId();
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  expect((await scene.runtime(['start', id])).status).toBe(0);
  for (const [, file, reason] of CASES) {
    expectReason(await scene.runtime(['exec', id, file, 'argument']), 255, file, reason);
  }
  const pidFile = join(bundle.path, 'exec.pid');
  const detached = ['exec', '--detach', '--pid-file', pidFile, id, '/bin/nothing'];
  expectReason(await scene.runtime(detached), 255, '/bin/nothing', NOT_FOUND);
  expect(() => {
    rmSync(pidFile);
  }).toThrow('ENOENT');
  await scene.runtime(['delete', '--force', id]);
});

test.each([
  ['nothing', 'executable file not found in $PATH'],
  ['/bin/nothing', NOT_FOUND],
  ['/bin/directory', 'is a directory: permission denied'],
  ['/bin/plain', 'permission denied (no execute permission)'],
])('create already tells that %s cannot be run', async (file, reason) => {
  const bundle = scene.bundle('', running([file]));
  addBadPrograms(bundle.rootfs);
  expectReason(await scene.runtime(['create', '--bundle', bundle.path, newId()]), 1, file, reason);
});

test.each([
  ['/bin/garbage', 'exec format error'],
  ['/bin/script', `missing interpreter "/no/interpreter": ${NOT_FOUND}`],
  ['/bin/dynamic', /^missing interpreter "\/lib.*ld-.*": no such file or directory$/],
  ['/bin/removed', NOT_FOUND],
])('start tells that %s cannot be run, and leaves a stopped container', async (file, reason) => {
  const bundle = scene.bundle('', running([file]));
  addBadPrograms(bundle.rootfs);
  writeFileSync(join(bundle.rootfs, 'bin/removed'), '#!/bin/sh\n', { mode: 0o755 });
  const id = newId();
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  rmSync(join(bundle.rootfs, 'bin/removed'));
  expectReason(await scene.runtime(['start', id]), 1, file, reason);
  expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});

test('what only root may run is refused to a user, and run for root', async () => {
  const user = { uid: 1000, gid: 1000 };
  const bundle = scene.bundle('', running(['/bin/secret'], { user }));
  addBadPrograms(bundle.rootfs);
  const refused = await scene.run(bundle);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/^tsrun: exec: "\/bin\/secret": permission denied[^\n]*\n$/);
  if (bundle.spec.process !== undefined) bundle.spec.process.user = { uid: 0, gid: 0 };
  bundle.write();
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stderr: '' });
});

test('PATH is that of the configuration, searched as the user inside', async () => {
  const bundle = scene.bundle('', running(['tool'], { env: ['PATH=/nowhere:/opt/tools:/bin'] }));
  mkdirSync(join(bundle.rootfs, 'opt/tools'), { recursive: true });
  writeFileSync(join(bundle.rootfs, 'opt/tools/tool'), '#!/bin/sh\necho from opt\n', {
    mode: 0o755,
  });
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: 'from opt\n' });
  bundle.spec.process = { ...bundle.spec.process, cwd: '/opt', args: ['tools/tool'] };
  bundle.write();
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: 'from opt\n' });
});
