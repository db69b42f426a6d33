/** Row 17: ids and cgroup names that lead elsewhere. */

import fc from 'fast-check';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

import { dropNamespace, linuxOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { COMMAND } from '../support/tsrun.js';

const scene = useScene();
const UNIFIED = '/sys/fs/cgroup/unified';

/** Enough to meet each of the pieces beside each other; Node takes its time. */
const RUNS = COMMAND[0] === process.execPath ? 10 : 60;

/** What names are made of, the dangerous pieces often. */
const name = fc
  .array(
    fc.oneof(
      fc.constantFrom('..', '.', '/', '../', '/..', '\n', ' ', '%2e', '\u00e9', 'a', '-', '_', ':'),
      fc.string({ maxLength: 3 }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => parts.join('').replaceAll('\0', ''));

test('no id makes, reads or removes anything outside of the root directory', async () => {
  const bundle = scene.bundle('true');
  const outside = scene.bundle('true').path;
  // The root is deep, so that `..` has somewhere to lead to.
  const root = join(outside, 'a/b/root');
  mkdirSync(root, { recursive: true });
  const before = readdirSync(outside, { recursive: true }).sort();
  await fc.assert(
    fc.asyncProperty(name, async (id) => {
      for (const command of [
        ['run', '--bundle', bundle.path, '--', id],
        ['state', '--', id],
        ['delete', '--force', '--', id],
      ]) {
        await scene.runtime(['--root', root, ...command]);
      }
      // What was made was removed, and nothing else was.
      expect(readdirSync(outside, { recursive: true }).sort()).toEqual(before);
    }),
    { numRuns: RUNS },
  );
}, 120_000);

test('no cgroupsPath makes a group elsewhere than below the parent that it names', async () => {
  const top = `/row-17-${String(process.pid)}`;
  const parent = `${top}/deep`;
  const bundle = scene.bundle('cat /proc/self/cgroup', (spec) => {
    dropNamespace(spec, 'cgroup');
  });
  mkdirSync(join(UNIFIED, parent), { recursive: true });
  try {
    await fc.assert(
      fc.asyncProperty(name, async (path) => {
        // `.` and slashes alone name the parent itself, which then goes with the container.
        fc.pre(resolve(parent, `./${path}`) !== parent);
        linuxOf(bundle.spec).cgroupsPath = `${parent}/${path}`;
        bundle.write();
        const { status, stdout } = await scene.run(bundle);
        if (status === 0) expect(stdout).toContain(`0::${parent}/`);
        expect(groupsIn(top)).toEqual(['deep']);
      }),
      { numRuns: RUNS },
    );
  } finally {
    remove(top);
  }
}, 120_000);

function groupsIn(path: string): string[] {
  return readdirSync(join(UNIFIED, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** With the groups that the names led through, which stay as with other runtimes. */
function remove(path: string): void {
  for (const name of groupsIn(path)) remove(join(path, name));
  rmdirSync(join(UNIFIED, path));
}
