/** create, start, kill, delete with a shim as the manager that reaps. */

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

test('a container goes through its states, and the program runs at start and not before', async () => {
  const bundle = scene.bundle('echo ran > /tmp/ran; exec sleep 1000');
  if (bundle.spec.root !== undefined) bundle.spec.root.readonly = false;
  bundle.spec.annotations = { 'org.example/key': 'välue\n' };
  bundle.write();
  const id = newId();
  const pidFile = join(bundle.path, 'pid');
  const started = Date.now();
  const create = ['create', '--bundle', bundle.path, '--pid-file', pidFile, id];
  expect((await scene.runtime(create, QUIET)).status).toBe(0);

  const created = await stateOf(scene.runtime, id);
  expect(created).toEqual({
    ociVersion: '1.3.0',
    id,
    pid: created.pid,
    status: 'created',
    bundle: bundle.path,
    rootfs: bundle.rootfs,
    created: created.created,
    annotations: { 'org.example/key': 'välue\n' },
    owner: 'root',
  });
  expect(created.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  expect(Date.parse(created.created)).toBeGreaterThanOrEqual(started - 1);
  // Exactly: callers parse the raw bytes.
  expect(readFileSync(pidFile, 'utf8')).toBe(String(created.pid));
  expect(readFileSync(`/proc/${String(created.pid)}/status`, 'utf8')).toContain(
    `\nPPid:\t${String(process.pid)}\n`,
  );
  expect(existsSync(join(bundle.rootfs, 'tmp/ran'))).toBe(false);
  // Nobody else reads the state: it holds the configuration's environment.
  expect(statSync(join(scene.runtime.root, id)).mode & 0o77).toBe(0o11);

  // What changes in config.json from here on has no effect.
  writeFileSync(join(bundle.path, 'config.json'), 'not even JSON');
  expect(await scene.runtime(['start', id])).toEqual({
    status: 0,
    signal: null,
    stdout: '',
    stderr: '',
  });
  expect((await stateOf(scene.runtime, id)).status).toBe('running');

  const refused = await scene.runtime(['delete', id]);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('not stopped');
  expect((await stateOf(scene.runtime, id)).status).toBe('running');

  expect((await scene.runtime(['kill', id, 'KILL'])).status).toBe(0);
  expect(await waitFor(created.pid)).toEqual({ status: 0, signal: 9 });
  expect(await stateOf(scene.runtime, id)).toMatchObject({ status: 'stopped', pid: 0 });
  expect(existsSync(join(bundle.rootfs, 'tmp/ran'))).toBe(true);
  expect(await scene.runtime(['delete', id])).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect((await scene.runtime(['state', id])).stderr).toBe(
    `tsrun: container "${id}" does not exist\n`,
  );
});

test('a zombie that its manager has not reaped yet is stopped, and can be deleted', async () => {
  const bundle = scene.bundle('exit 7');
  const id = newId();
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  expect((await scene.runtime(['start', id])).status).toBe(0);
  // The program ends by itself: start does not say when. state is asked until it tells.
  let status = 'running';
  while (status === 'running') status = (await stateOf(scene.runtime, id)).status;
  expect(status).toBe('stopped');
  expect((await scene.runtime(['delete', id])).status).toBe(0);
  expect(await waitFor(pid)).toEqual({ status: 7, signal: 0 });
});

test('run --detach leaves a running container, its pid file and its output', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const id = newId();
  const pidFile = join(bundle.path, 'pid');
  const run = ['run', '--detach', '--bundle', bundle.path, '--pid-file', pidFile, id];
  expect((await scene.runtime(run, QUIET)).status).toBe(0);
  const { pid, status } = await stateOf(scene.runtime, id);
  expect(status).toBe('running');
  expect(readFileSync(pidFile, 'utf8')).toBe(String(pid));
  scene.expectOrphan(pid);
  expect((await scene.runtime(['delete', '--force', id])).status).toBe(0);
});

test('run --keep leaves the stopped container', async () => {
  const bundle = scene.bundle('exit 3');
  const id = newId();
  const run = ['run', '--keep', '--bundle', bundle.path, id];
  expect(await scene.runtime(run)).toMatchObject({ status: 3, stderr: '' });
  expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});

test.each([
  ['exit 42', 42],
  ['exit 255', 255],
  ['kill -KILL $$; exit 9', 9],
])('run exits as the program does: %s', async (script, status) => {
  expect(await scene.run(scene.bundle(script))).toMatchObject({ status, stderr: '' });
});

test.each([
  ['TERM', 15],
  ['KILL', 9],
  ['SEGV', 11],
])('run exits with 128 + the number of SIG%s', async (name, number) => {
  // Pid 1 of a namespace is spared by its own signals, so it is the host's here.
  const bundle = scene.bundle(`kill -${name} $$; sleep 1000`, (spec) => {
    if (spec.linux === undefined) return;
    spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
    spec.linux.maskedPaths = [];
    spec.linux.readonlyPaths = [];
  });
  expect(await scene.run(bundle)).toMatchObject({ status: 128 + number, stderr: '' });
});

test('of many creates of one id at once one wins, and the others leave it alone', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const id = newId();
  const logs = [1, 2, 3, 4, 5].map((number) => join(bundle.path, `log${String(number)}`));
  const results = await Promise.all(
    logs.map((log) => scene.runtime(['--log', log, 'create', '--bundle', bundle.path, id], QUIET)),
  );
  expect(results.map(({ status }) => status).sort()).toEqual([0, 1, 1, 1, 1]);
  results.forEach(({ status }, index) => {
    const text = readFileSync(logs[index] ?? '', 'utf8');
    if (status === 0) expect(text).toBe('');
    else expect(text).toContain('already exists');
  });
  const { pid, status } = await stateOf(scene.runtime, id);
  expect(status).toBe('created');
  scene.expectOrphan(pid);
  expect((await scene.runtime(['start', id])).status).toBe(0);
  expect((await scene.runtime(['delete', '--force', id])).status).toBe(0);
});

test('of two starts at once one wins', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const id = newId();
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  const results = await Promise.all([1, 2, 3].map(() => scene.runtime(['start', id])));
  expect(results.map(({ status }) => status).sort()).toEqual([0, 1, 1]);
  expect((await stateOf(scene.runtime, id)).status).toBe('running');
  expect((await scene.runtime(['delete', '--force', id])).status).toBe(0);
});

test('what a stopped container cannot do is refused', async () => {
  const bundle = scene.bundle('exit 0');
  const id = newId();
  await scene.runtime(['run', '--keep', '--bundle', bundle.path, id]);
  const said = (doing: string, reason: string): RegExp =>
    new RegExp(`^tsrun: cannot ${doing} container "${id}": ${reason}\n$`);
  const cases: [string[], number, RegExp][] = [
    [['start', id], 1, said('start', 'it has stopped')],
    [['kill', id], 1, said('signal', 'container not running')],
    [['kill', id, '0'], 1, said('signal', 'container not running')],
    [['kill', '--all', id, 'KILL'], 1, said('signal', 'container not running')],
    [['exec', id, 'true'], 255, said('exec in', 'container not running')],
    [['pause', id], 1, said('pause', 'container not running: stopped')],
    [['resume', id], 1, said('resume', 'container not running')],
    [['create', '--bundle', bundle.path, id], 1, /already exists/],
    [['run', '--bundle', bundle.path, id], 1, /already exists/],
  ];
  for (const [args, status, message] of cases) {
    const result = await scene.runtime(args);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/^tsrun: [^\n]*\n$/);
  }
  expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});

test('delete ends a container that was never started, and no other', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const id = newId();
  const create = ['create', '--bundle', bundle.path, id];
  expect((await scene.runtime(create, { stdio: ['ignore', 'ignore', 'ignore'] })).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  expect(await scene.runtime(['delete', id])).toMatchObject({ status: 0, stderr: '' });
  expect(await waitFor(pid)).toEqual({ status: 0, signal: 9 });
  expect(await scene.runtime(['state', id])).toMatchObject({ status: 1 });
  const running = await scene.started('exec sleep 1000');
  expect(await scene.runtime(['delete', running.id])).toMatchObject({
    status: 1,
    stderr: `tsrun: cannot delete container "${running.id}" that is not stopped: running\n`,
  });
  await running.remove();
});

test('delete --force ends a created and a running container', async () => {
  for (const start of [false, true]) {
    const bundle = scene.bundle('sleep 1000 & exec sleep 1001');
    const id = newId();
    expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
    const { pid } = await stateOf(scene.runtime, id);
    if (start) expect((await scene.runtime(['start', id])).status).toBe(0);
    expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect(await waitFor(pid)).toEqual({ status: 0, signal: 9 });
  }
});
