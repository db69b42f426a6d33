/** A process whose main thread has ended shows as a zombie, and runs. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useLeaderless } from '../support/calls.js';
import { processOf } from '../support/inside.js';
import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();
const program = useLeaderless();

async function started(change: (spec: Spec) => void): Promise<{ id: string; pid: number }> {
  const bundle = scene.bundle('', (spec) => {
    processOf(spec).args = ['leaderless'];
    change(spec);
  });
  program.into(bundle);
  const id = newId();
  expect(
    await scene.runtime(['create', '--bundle', bundle.path, id], {
      stdio: ['ignore', 'ignore', 'ignore'],
    }),
  ).toMatchObject({ status: 0 });
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  expect(await scene.runtime(['start', id])).toMatchObject({ status: 0, stderr: '' });
  await expect.poll(() => readFileSync(`/proc/${String(pid)}/stat`, 'utf8')).toMatch(/ Z /);
  return { id, pid };
}

const hostPids = ({ linux }: Spec): void => {
  if (linux !== undefined) {
    linux.namespaces = linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
  }
};

test.each([
  ['its own pid namespace', () => undefined],
  ['the host’s', hostPids],
])('a container of one, with %s, runs and is killed', async (_, change) => {
  const { id, pid } = await started(change);
  expect(await stateOf(scene.runtime, id)).toMatchObject({ status: 'running', pid });
  expect(await scene.runtime(['delete', id])).toMatchObject({
    status: 1,
    stderr: `tsrun: cannot delete container "${id}" that is not stopped: running\n`,
  });
  expect(await scene.runtime(['kill', id, 'KILL'])).toMatchObject({ status: 0, stderr: '' });
  await waitFor(pid);
  expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
  expect(await scene.runtime(['delete', id])).toMatchObject({ status: 0, stderr: '' });
});

test.each([
  ['its own pid namespace', () => undefined],
  ['the host’s', hostPids],
])('delete --force of one, with %s, ends it', async (_, change) => {
  const { id, pid } = await started(change);
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
  await waitFor(pid);
});
