/** kill: names, numbers, --all; what arrives inside. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { cgroupsOf } from '../support/left.js';
import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

const hostPids = (spec: Spec): void => {
  if (spec.linux === undefined) return;
  spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
  spec.linux.maskedPaths = [];
  spec.linux.readonlyPaths = [];
};

test.each([
  ['TERM', 15],
  ['SIGTERM', 15],
  ['sigterm', 15],
  ['15', 15],
  ['hup', 1],
  ['SIGUSR1', 10],
  ['12', 12],
  ['KILL', 9],
  ['SIGRTMIN+3', 37],
  ['RTMAX-1', 63],
  ['37', 37],
])('kill ID %s sends signal %d', async (name, number) => {
  const container = await scene.started('exec sleep 1000', hostPids);
  expect(await scene.runtime(['kill', container.id, name])).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  });
  expect(await waitFor(container.pid)).toEqual({ status: 0, signal: number });
  expect((await scene.runtime(['delete', container.id])).status).toBe(0);
});

test('KILL ends what the first process has left in a pid namespace that is shared', async () => {
  const container = await scene.started('sleep 1000 & echo $! > /tmp/left; exit 5', (spec) => {
    hostPids(spec);
    if (spec.root !== undefined) spec.root.readonly = false;
  });
  expect(await waitFor(container.pid)).toEqual({ status: 5, signal: 0 });
  const left = Number(readFileSync(join(container.bundle.rootfs, 'tmp/left'), 'utf8'));
  scene.expectOrphan(left);
  expect((await stateOf(scene.runtime, container.id)).status).toBe('stopped');
  expect(readFileSync(`/proc/${left.toString()}/comm`, 'utf8')).toBe('sleep\n');
  // Another signal has nobody that it is for.
  expect((await scene.runtime(['kill', container.id, 'TERM'])).status).toBe(1);
  expect(readFileSync(`/proc/${left.toString()}/stat`, 'utf8')).toMatch(/\) S /);
  expect(await scene.runtime(['kill', container.id, 'KILL'])).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  });
  expect(await waitFor(left)).toEqual({ status: 0, signal: 9 });
  expect((await scene.runtime(['delete', container.id])).status).toBe(0);
});

test('without a signal it is TERM', async () => {
  const container = await scene.started('exec sleep 1000', hostPids);
  expect((await scene.runtime(['kill', container.id])).status).toBe(0);
  expect(await waitFor(container.pid)).toEqual({ status: 0, signal: 15 });
  expect((await scene.runtime(['delete', container.id])).status).toBe(0);
});

test('0 only asks, and what is no signal is refused', async () => {
  const container = await scene.started('exec sleep 1000');
  expect(await scene.runtime(['kill', container.id, '0'])).toMatchObject({ status: 0, stderr: '' });
  for (const name of ['NOTHING', '65', '-1', '9x', 'SIG', 'SIGSIGTERM', 'RTMIN+99', '1.5']) {
    const refused = await scene.runtime(['kill', container.id, name]);
    expect(refused.status, name).toBe(1);
    expect(refused.stderr).toMatch(/^tsrun: [^\n]*\n$/);
  }
  expect((await stateOf(scene.runtime, container.id)).status).toBe('running');
  await container.remove();
});

test('the signal reaches a handler of pid 1 inside', async () => {
  const bundle = scene.bundle(
    `trap 'exit 33' USR2; mkfifo /tmp/f; while :; do read x < /tmp/f; done`,
    (spec) => {
      if (spec.root !== undefined) spec.root.readonly = false;
    },
  );
  const id = newId();
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  expect((await scene.runtime(['start', id])).status).toBe(0);
  // The trap is set before the fifo is made.
  const up = await scene.runtime(['exec', id, 'sh', '-c', 'until test -p /tmp/f; do :; done']);
  expect(up.status).toBe(0);
  expect((await scene.runtime(['kill', id, 'USR2'])).status).toBe(0);
  expect(await waitFor(pid)).toEqual({ status: 33, signal: 0 });
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});

test('a created container can be killed', async () => {
  const bundle = scene.bundle('exec sleep 1000');
  const id = newId();
  expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  expect((await scene.runtime(['kill', id, 'KILL'])).status).toBe(0);
  expect(await waitFor(pid)).toEqual({ status: 0, signal: 9 });
  expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
  const late = await scene.runtime(['start', id]);
  expect(late).toMatchObject({
    status: 1,
    stderr: `tsrun: cannot start container "${id}": it has stopped\n`,
  });
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});

/** Pids of the container's cgroup, once there are as many. */
function members(id: string, count: number): number[] {
  const [cgroup = ''] = cgroupsOf(id);
  for (;;) {
    const pids = readFileSync(`${cgroup}/cgroup.procs`, 'utf8').trim().split('\n').map(Number);
    if (pids.length >= count) return pids;
  }
}

test('--all reaches processes that left the first one, in a container without a pid namespace', async () => {
  const container = await scene.started('setsid sleep 1000 & setsid sleep 1001 & wait', hostPids);
  const pids = members(container.id, 3);
  expect((await scene.runtime(['kill', '--all', container.id, 'KILL'])).status).toBe(0);
  expect(await waitFor(container.pid)).toEqual({ status: 0, signal: 9 });
  for (const pid of pids.filter((other) => other !== container.pid)) {
    // Orphans of the container come to us.
    expect(await waitFor(pid)).toEqual({ status: 0, signal: 9 });
  }
  expect((await scene.runtime(['delete', container.id])).status).toBe(0);
});

test('a process that outlives the first one ends with --all or with delete', async () => {
  const container = await scene.started('setsid sleep 1000 & exec sleep 1001', hostPids);
  const pids = members(container.id, 2);
  const other = pids.find((pid) => pid !== container.pid) ?? 0;
  process.kill(container.pid, 'SIGKILL');
  expect(await waitFor(container.pid)).toEqual({ status: 0, signal: 9 });
  expect((await stateOf(scene.runtime, container.id)).status).toBe('stopped');
  expect((await scene.runtime(['kill', '--all', container.id, 'TERM'])).status).toBe(0);
  expect(await waitFor(other)).toEqual({ status: 0, signal: 15 });
  const nobody = await scene.runtime(['kill', '--all', container.id, 'TERM']);
  expect(nobody.stderr).toMatch(/container not running/);
  expect((await scene.runtime(['delete', container.id])).status).toBe(0);
});
