/** What the programs that call a runtime read, and how they read it: each rule is one caller's. */

import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Bundle } from '../support/bundle.js';
import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

/** How containerd's shim begins each call. */
const shim = (log: string): string[] => ['--log', log, '--log-format', 'json'];

test('the log of all calls is JSON, an object a line, and its last error the one to show', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const log = join(bundle.path, 'log.json');
  const id = newId();
  const call = (...args: string[]) => scene.runtime([...shim(log), ...args], QUIET);
  const statuses = [
    await call('create', '--bundle', bundle.path, id),
    await call('exec', id, 'missing'),
    await call('start', id),
    await call('exec', id, '/etc'),
    await call('start', id),
    await call('kill', '--all', id, '9'),
  ].map(({ status }) => status);
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  expect(statuses).toEqual([0, 255, 0, 255, 1, 0]);
  expect((await call('delete', '--force', id)).status).toBe(0);
  expect((await call('state', id)).status).toBe(1);

  const text = readFileSync(log, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  const entries = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string; msg: string; time: string });
  for (const entry of entries) {
    expect(Object.keys(entry).sort()).toEqual(['level', 'msg', 'time']);
    expect(entry.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  }
  const errors = entries.filter(({ level }) => level === 'error').map(({ msg }) => msg);
  expect(errors).toEqual([
    'exec: "missing": executable file not found in $PATH',
    'exec: "/etc": is a directory: permission denied',
    expect.stringContaining('cannot start'),
    `container "${id}" does not exist`,
  ]);
});

test('the pid file is the bare number, renamed into its place', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const [file, old] = ['pid', 'old'].map((name) => join(bundle.path, name)) as [string, string];
  writeFileSync(file, 'of another container');
  linkSync(file, old);
  const id = newId();
  const create = ['create', '--bundle', bundle.path, '--pid-file', file, id];
  expect((await scene.runtime(create, QUIET)).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  expect(readFileSync(file)).toEqual(Buffer.from(String(pid)));
  // Who had it open or linked sees no part of the new one.
  expect(readFileSync(old, 'utf8')).toBe('of another container');
  expect(statSync(file).mode & 0o777).toBe(0o644);
  await scene.runtime(['delete', '--force', id]);
});

test('what is read from both streams together is the answer alone', async () => {
  const bundle = scene.bundle('exec sleep 1000', (spec) => {
    // A warning of create, which is no matter of those that only ask.
    spec.process?.capabilities?.bounding?.push('CAP_OF_A_LATER_KERNEL');
  });
  const id = newId();
  const run = ['run', '--detach', '--bundle', bundle.path, id];
  expect((await scene.runtime(run, QUIET)).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  const answer = async (...args: string[]): Promise<unknown> => {
    const { status, stdout, stderr } = await scene.runtime(args);
    expect([args[0], status, stderr]).toEqual([args[0], 0, '']);
    return stdout === '' ? '' : (JSON.parse(stdout) as unknown);
  };
  expect(Object.keys((await answer('state', id)) as object).sort()).toEqual(
    'annotations bundle created id ociVersion owner pid rootfs status'.split(' '),
  );
  expect(await answer('ps', '--format', 'json', id)).toEqual([pid]);
  expect(await answer('list', '-f', 'json')).toMatchObject([{ id, pid, status: 'running' }]);
  expect(await answer('events', '--stats', id)).toMatchObject({ type: 'stats', id });
  for (const command of ['pause', 'resume']) expect(await answer(command, id)).toBe('');
  expect(await answer('kill', id, '0')).toBe('');
  expect(await answer('delete', '--force', id)).toBe('');
});

test('features and --version are asked for with nothing before them', async () => {
  const features = await runProgram([...COMMAND, 'features']);
  expect(features).toMatchObject({ status: 0, stderr: '' });
  // containerd 2: idmapped mounts; with these and the namespace user namespaces of pods; rro.
  expect(JSON.parse(features.stdout)).toMatchObject({
    ociVersionMax: '1.3.0',
    mountOptions: expect.arrayContaining(['rro']) as unknown,
    linux: {
      namespaces: expect.arrayContaining(['user']) as unknown,
      mountExtensions: { idmap: { enabled: true } },
    },
  });
  const version = await runProgram([...COMMAND, '--version']);
  expect(version).toMatchObject({ status: 0, stderr: '' });
  expect(version.stdout).toMatch(/^tsrun version \d\S*\ncommit: \S+\nspec: \d+\.\d+\.\d+\n/);
});

test('a container of another runtime in the same directory is left alone', async () => {
  // Managers have one for all of them.
  const foreign = join(scene.runtime.root, 'foreign');
  const file = join(foreign, 'status');
  mkdirSync(foreign, { recursive: true });
  writeFileSync(file, '{"pid": 1}');
  expect(await scene.runtime(['list', '-q'])).toMatchObject({ status: 0, stdout: '', stderr: '' });
  for (const args of [['state'], ['kill', '--all'], ['delete', '--force']]) {
    expect(await scene.runtime([...args, 'foreign'])).toMatchObject({
      status: 1,
      stderr: `tsrun: container "foreign" is of another runtime: ${file}\n`,
    });
  }
  expect(readFileSync(file, 'utf8')).toBe('{"pid": 1}');
  rmSync(foreign, { recursive: true });
});

/** podman's and dockerd's exit statuses, by the text; podman looks for these first. */
function statusOf(text: string): number {
  if (/permission denied|operation not permitted/i.test(text)) return 126;
  const missing = /executable file not found in|no such file or directory|open executable/i;
  return missing.test(text) ? 127 : 0;
}

function addPrograms({ rootfs }: Bundle): void {
  mkdirSync(join(rootfs, 'bin/directory'));
  writeFileSync(join(rootfs, 'bin/plain'), '#!/bin/sh\n', { mode: 0o644 });
  writeFileSync(join(rootfs, 'bin/script'), '#!/no/interpreter\n', { mode: 0o755 });
}

test('an error of run and exec becomes the exit status that it should', async () => {
  const container = await scene.started('exec sleep 1000');
  addPrograms(container.bundle);
  const programs: [string, number][] = [
    ['missing', 127],
    ['/bin/missing', 127],
    ['/missing/program', 127],
    ['/bin/script', 127],
    ['/bin/plain', 126],
    ['/bin/directory', 126],
  ];
  for (const [program, status] of programs) {
    const { bundle, id } = container;
    const exec = await scene.runtime(['exec', id, program]);
    expect([program, exec.status, statusOf(exec.stderr)]).toEqual([program, 255, status]);
    if (bundle.spec.process !== undefined) bundle.spec.process.args = [program];
    bundle.write();
    const run = await scene.run(bundle);
    expect([program, run.status, statusOf(run.stderr)]).toEqual([program, 1, status]);
  }
  await container.remove();
});

test('that a container has ended, or is not there, is told by the text of kill', async () => {
  const finished = /os: process already finished|container not running|no such process/i;
  const absent = /does not exist/i;
  const container = await scene.started('exec sleep 1000');
  const kill = (...args: string[]) => scene.runtime(['kill', ...args, '9']);
  expect((await kill(container.id)).status).toBe(0);
  await waitFor(container.pid);
  for (const all of [[], ['--all']]) {
    const { status, stderr } = await kill(...all, container.id);
    expect([status, finished.test(stderr), absent.test(stderr)]).toEqual([1, true, false]);
  }
  expect((await scene.runtime(['delete', container.id])).status).toBe(0);
  for (const call of [kill(container.id), scene.runtime(['delete', container.id])]) {
    const { status, stderr } = await call;
    expect([status, finished.test(stderr), absent.test(stderr)]).toEqual([1, false, true]);
  }
});
