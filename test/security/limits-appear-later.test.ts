/** Row V: files of limits that come with a controller when the container runs already. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TestContext } from 'vitest';

import { PARENT, UNIFIED, mountCgroup, removeAfterwards } from '../support/cgroup-mounts.js';
import { linuxOf, useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';

const lab = useContainers();

/** What is there of hugetlb, and whether the least limit of it can be set. */
const ATTACK = `for file in /sys/fs/cgroup/hugetlb.*max; do
    test -f $file && echo "there $file" && (echo 0 >$file) 2>/dev/null && echo "written $file"
  done; echo tried`;

function needsController(context: TestContext): void {
  const controllers = readFileSync(`${UNIFIED}/cgroup.subtree_control`, 'utf8');
  if (!/\bhugetlb\b/.test(controllers)) {
    context.skip('the cgroup v2 hierarchy passes no controller of huge pages on');
  }
}

test('are not to be written by a root that may not mount', async (context) => {
  needsController(context);
  const cgroup = `${PARENT}/victim`;
  mkdirSync(UNIFIED + PARENT, { recursive: true });
  removeAfterwards(lab, PARENT);
  const { path: bundle } = lab.bundle('exec sleep 1000', (spec) => {
    mountCgroup(spec, 'rw');
    linuxOf(spec).cgroupsPath = cgroup;
  });
  const tsrun = lab.runtime();
  const id = newId();
  try {
    const run = ['run', '--detach', '--bundle', bundle, id];
    // Not the container's to keep open.
    const started = await tsrun(run, {
      prefix: ['sh', '-c', 'exec "$@" </dev/null >/dev/null 2>&1', 'sh'],
    });
    expect(started.status).toBe(0);
    // By whoever manages the host: create has switched it on already. Not on below the container's.
    const write = (path: string, change: string): void => {
      writeFileSync(`${UNIFIED}${path}/cgroup.subtree_control`, change);
    };
    for (const path of [cgroup, PARENT]) write(path, '-hugetlb');
    write(PARENT, '+hugetlb');
    const limits = `${UNIFIED}${cgroup}/hugetlb.2MB.max`;
    const before = readFileSync(limits, 'utf8');
    const inside = await tsrun(['exec', id, 'sh', '-c', ATTACK]);
    expect(inside).toMatchObject({ status: 0, stderr: '' });
    expect(inside.stdout).toMatch(/^tried$/m);
    expect(readFileSync(limits, 'utf8')).toBe(before);
    // `update` means that one, as ever.
    const update = await tsrun(['update', '-r', '-', id], {
      input: JSON.stringify({ hugepageLimits: [{ pageSize: '2MB', limit: 2 ** 21 }] }),
    });
    expect(update).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(limits, 'utf8')).toBe(`${String(2 ** 21)}\n`);
    const again = await tsrun(['exec', id, 'sh', '-c', ATTACK.replace('echo 0', 'echo 4194304')]);
    expect(again.stdout).toMatch(/^tried$/m);
    expect(readFileSync(limits, 'utf8')).toBe(`${String(2 ** 21)}\n`);
  } finally {
    await tsrun(['delete', '--force', id]);
  }
});

test('are not to be written in a cgroup namespace that is joined, whose root is where it is', async (context) => {
  needsController(context);
  const joined = `${PARENT}/joined`;
  mkdirSync(UNIFIED + joined, { recursive: true });
  removeAfterwards(lab, PARENT, joined);
  const subtree = `${UNIFIED}${PARENT}/cgroup.subtree_control`;
  writeFileSync(subtree, '-hugetlb');
  const holder = await lab.holder(['--cgroup'], UNIFIED + joined);
  const warnings = join(lab.directory(), 'warnings');
  const { path: bundle } = lab.bundle('exec sleep 1000', (spec) => {
    mountCgroup(spec, 'rw');
    for (const namespace of linuxOf(spec).namespaces ?? []) {
      if (namespace.type === 'cgroup') namespace.path = `/proc/${String(holder)}/ns/cgroup`;
    }
  });
  const tsrun = lab.runtime();
  const id = newId();
  try {
    const started = await tsrun(['run', '--detach', '--bundle', bundle, id], {
      prefix: ['sh', '-c', 'exec "$@" </dev/null >/dev/null 2>"$0"', warnings],
    });
    expect(started.status).toBe(0);
    writeFileSync(subtree, '+hugetlb');
    const before = readFileSync(`${UNIFIED}${joined}/hugetlb.2MB.max`, 'utf8');
    const inside = await tsrun(['exec', id, 'sh', '-c', ATTACK]);
    expect(inside.stdout).toMatch(/^there /m);
    expect(inside.stdout).not.toMatch(/^written /m);
    expect(readFileSync(`${UNIFIED}${joined}/hugetlb.2MB.max`, 'utf8')).toBe(before);
    expect(readFileSync(warnings, 'utf8')).toMatch(
      /read-only, since a cgroup namespace that is joined/,
    );
  } finally {
    await tsrun(['delete', '--force', id]);
  }
});
