/** What the process of a created container holds while it waits for `start`. */

import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { stateOf, useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();

function descriptors(pid: number): string[] {
  const directory = `/proc/${String(pid)}/fd`;
  return readdirSync(directory)
    .map((fd) => readlinkSync(join(directory, fd)))
    .sort();
}

/** With and without a second clone, a filter and a hook behind the gate. */
const KINDS: [string, (spec: Spec) => void][] = [
  ['a plain container', () => undefined],
  [
    'one with a filter of system calls',
    (spec) => {
      spec.linux = { ...spec.linux, seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } };
    },
  ],
  [
    'one with a user namespace',
    (spec) => {
      const maps = [{ containerID: 0, hostID: 0, size: 65536 }];
      const namespaces = [...(spec.linux?.namespaces ?? []), { type: 'user' as const }];
      spec.linux = { ...spec.linux, namespaces, uidMappings: maps, gidMappings: maps };
    },
  ],
  [
    'one with a hook behind the gate',
    (spec) => {
      spec.hooks = { startContainer: [{ path: '/bin/true' }] };
    },
  ],
];

test.each(KINDS)('%s waits with the two fifos alone, beside its own', async (_, change) => {
  const bundle = scene.bundle('exec sleep 1000', change);
  const id = newId();
  const made = await scene.runtime(['create', '--bundle', bundle.path, id], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  expect(made.status).toBe(0);
  const { pid } = await stateOf(scene.runtime, id);
  scene.expectOrphan(pid);
  const own = ['/dev/null', '/dev/null', '/dev/null'];
  const fifo = (name: string): string => join(scene.runtime.root, id, name);
  expect(descriptors(pid)).toEqual([...own, fifo('exec.fifo'), fifo('exec.report')]);
  expect(await scene.runtime(['start', id])).toMatchObject({ status: 0, stderr: '' });
  expect(descriptors(pid)).toEqual(own);
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
  rmSync(join(scene.runtime.root, '@seccomp'), { recursive: true, force: true });
});
