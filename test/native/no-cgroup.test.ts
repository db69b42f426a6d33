/** `--cgroup-manager disabled`: the container has no cgroup of its own. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();

/** The host's view of the hierarchy. */
function plain(spec: Spec): void {
  if (spec.linux === undefined) return;
  spec.linux.cgroupsPath = '/test-not-to-be-made';
  spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== 'cgroup') ?? [];
}

function run(path: string) {
  return scene.runtime(['--cgroup-manager', 'disabled', 'run', '--bundle', path, newId()]);
}

test('its process is in the cgroup of the caller', async () => {
  const bundle = scene.bundle('cat /proc/self/cgroup', plain);
  const result = await run(bundle.path);
  expect([result.status, result.stdout]).toEqual([0, readFileSync('/proc/self/cgroup', 'utf8')]);
  expect(result.stderr).toContain('tsrun: warning: /linux/cgroupsPath: it is not used: ');
});

test('a limit is refused, by name', async () => {
  const bundle = scene.bundle('true', (spec) => {
    plain(spec);
    spec.linux = { ...spec.linux, resources: { memory: { limit: 1 << 26 } } };
  });
  const result = await run(bundle.path);
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toBe(
    'tsrun: /linux/resources/memory/limit: cannot set memory.max: the container is to have no cgroup of its own\n',
  );
});
