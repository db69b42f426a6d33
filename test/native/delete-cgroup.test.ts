/** Whom delete kills, and which cgroup it removes: nobody's but the container's own. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { stateOf, useScene } from '../support/scene.js';
import type { Running } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();
const UNIFIED = '/sys/fs/cgroup/unified';
let place: string;
let others: ChildProcess[];

beforeEach(() => {
  place = `/test-${String(process.pid)}-shared`;
  others = [];
});

afterEach(async () => {
  for (const other of others) {
    if (other.exitCode === null && other.signalCode === null) {
      const end = once(other, 'exit');
      other.kill('SIGKILL');
      await end;
    }
  }
  if (existsSync(UNIFIED + place)) rmdirSync(UNIFIED + place);
});

const shared = (spec: Spec): void => {
  if (spec.linux !== undefined) spec.linux.cgroupsPath = place;
};
const hostPids = (spec: Spec): void => {
  shared(spec);
  if (spec.linux === undefined) return;
  spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
};

/** A process of the host's in the cgroup. */
async function intruder(): Promise<ChildProcess> {
  const script = `echo $$ > ${UNIFIED}${place}/cgroup.procs; echo in; exec sleep 1000`;
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  others.push(child);
  await once(child.stdout, 'data');
  return child;
}

const lives = (child: ChildProcess): boolean =>
  child.exitCode === null &&
  child.signalCode === null &&
  !/^State:\s+Z/m.test(readFileSync(`/proc/${String(child.pid)}/status`, 'utf8'));

/** Ends the first process and reaps it; the container is stopped then. */
async function stop({ id, pid }: Running): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await waitFor(pid);
  expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
}

const DONE = { status: 0, stdout: '', stderr: '' };

describe.each([
  ['its own pid namespace', shared],
  ['the host’s', hostPids],
])('a stopped container with %s', (_, change) => {
  test.each([[[]], [['--force']]])(
    'delete %j leaves alone what has the name of its cgroup by now',
    async (options) => {
      const running = await scene.started('exec sleep 1000', change);
      await stop(running);
      rmdirSync(UNIFIED + place);
      mkdirSync(UNIFIED + place);
      const other = await intruder();
      const kill = await scene.runtime(['kill', '--all', running.id, 'KILL']);
      const stderr = `tsrun: cannot signal container "${running.id}": container not running\n`;
      expect(kill).toMatchObject({ status: 1, stderr });
      expect(await scene.runtime(['delete', ...options, running.id])).toMatchObject(DONE);
      expect(lives(other)).toBe(true);
      expect(existsSync(UNIFIED + place)).toBe(true);
    },
  );

  test.each([[[]], [['--force']]])(
    'delete %j leaves alone the container that uses its cgroup by now',
    async (options) => {
      const first = await scene.started('exec sleep 1000', change);
      await stop(first);
      const second = await scene.started('exec sleep 1000', change);
      expect((await scene.runtime(['delete', ...options, first.id])).stderr).toBe('');
      expect((await stateOf(scene.runtime, second.id)).status).toBe('running');
      await second.remove();
      expect(existsSync(UNIFIED + place)).toBe(false);
    },
  );
});

test('a foreign process in it is not killed without --force where there is a pid namespace', async () => {
  const running = await scene.started('exec sleep 1000', shared);
  await stop(running);
  const other = await intruder();
  const end = once(other, 'exit');
  const refused = await scene.runtime(['delete', running.id]);
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toBe(
    `tsrun: cannot remove cgroup ${UNIFIED}${place}: device or resource busy, ` +
      `process ${String(other.pid)} still in it\n`,
  );
  expect(lives(other)).toBe(true);
  expect(await scene.runtime(['delete', '--force', running.id])).toMatchObject(DONE);
  expect((await end)[1]).toBe('SIGKILL');
});

test('what the container left without a pid namespace is killed', async () => {
  const running = await scene.started('sleep 1001 & exec sleep 1000', hostPids);
  const procs = join(UNIFIED, place, 'cgroup.procs');
  const pids = () => readFileSync(procs, 'utf8').trim().split('\n').map(Number);
  while (pids().length < 2) await new Promise((resolve) => setImmediate(resolve));
  const left = pids().find((pid) => pid !== running.pid) ?? 0;
  scene.expectOrphan(left);
  await stop(running);
  expect(await scene.runtime(['delete', running.id])).toMatchObject(DONE);
  expect(await waitFor(left)).toEqual({ status: 0, signal: 9 });
});

test('delete --force does not wait for a command that hangs because of what it kills', async () => {
  const running = await scene.started('exec sleep 1000', shared);
  const cgroup = join(UNIFIED, place);
  writeFileSync(join(cgroup, 'cgroup.freeze'), '1');
  // It holds the lock, and waits for a process that is born frozen.
  const exec = scene.runtime(['exec', '--ignore-paused', running.id, 'true']);
  const procs = () => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n');
  while (procs().length < 2) await new Promise((resolve) => setImmediate(resolve));
  const began = Date.now();
  expect(await scene.runtime(['delete', '--force', running.id])).toMatchObject(DONE);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect((await exec).status).toBe(255);
});

test('two creates at once do not share a cgroup', async () => {
  const bundles = [0, 1, 2, 3].map(() => scene.bundle('true', shared));
  const created = await Promise.all(
    bundles.map(async (bundle) => {
      const id = newId();
      const create = ['create', '--bundle', bundle.path, id];
      const { status } = await scene.runtime(create, { stdio: ['ignore', 'ignore', 'ignore'] });
      return { id, made: status === 0 };
    }),
  );
  const made = created.filter((container) => container.made);
  expect(made.length).toBeLessThanOrEqual(1);
  for (const { id } of made) {
    scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
    expect(await scene.runtime(['delete', '--force', id])).toMatchObject(DONE);
  }
});
