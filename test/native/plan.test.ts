/** `plan` and planContainer() refuse what create refuses, in the same words: there is one way to a plan. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { api } from '../support/library.js';
import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();

const CASES: [string, (spec: Spec) => void, string[]][] = [
  [
    "a sysctl of the runtime's own namespace",
    ({ linux = {} }) => {
      linux.namespaces = [{ type: 'mount' }, { type: 'network', path: '/proc/self/ns/net' }];
      linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    },
    [],
  ],
  ['no program', (spec) => void (spec.process = { args: [], cwd: '/' }), []],
  ['a root that is not there', (spec) => void (spec.root = { path: 'nowhere' }), []],
  [
    'a limit without a cgroup',
    ({ linux = {} }) => void (linux.resources = { pids: { limit: 7 } }),
    ['--cgroup-manager', 'disabled'],
  ],
  [
    'a limit that contradicts another',
    ({ linux = {} }) => void (linux.resources = { memory: { limit: 2 << 20, swap: 1 << 20 } }),
    [],
  ],
];

test.each(CASES)('%s', async (_name, change, flags) => {
  const { path } = scene.bundle('true', change);
  const root = mkdtempSync(join(tmpdir(), 'tsrun-plan-'));
  try {
    const [planned, created] = await Promise.all([
      scene.runtime([...flags, 'plan', '--bundle', path]),
      scene.runtime([...flags, 'create', '--bundle', path, newId()]),
    ]);
    expect(created).toMatchObject({ status: 1, stdout: '' });
    expect(planned).toEqual(created);
    if (flags.length > 0) return;
    const message = created.stderr.replace(/^tsrun: /, '').trimEnd();
    await expect(api.planContainer({ bundle: path, root })).rejects.toMatchObject({ message });
    await expect(api.createContainer({ bundle: path, root, id: 'a' })).rejects.toMatchObject({
      message,
    });
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('a plan needs nobody for its terminal, and makes nothing', async () => {
  const bundle = scene.bundle('true', ({ process }) => {
    if (process !== undefined) process.terminal = true;
  });
  const { status, stdout } = await scene.runtime(['plan', '--bundle', bundle.path]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ terminal: true, cgroupJoin: 'clone' });
  expect(JSON.parse((await scene.runtime(['list', '--format', 'json'])).stdout)).toEqual([]);
});
