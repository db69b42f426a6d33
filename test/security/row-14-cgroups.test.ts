/** Row 14 (CVE-2023-25809): cgroups that a container can write to, above all its limits. */

import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';

import {
  PARENT,
  UNIFIED,
  inCgroup,
  mountCgroup,
  removeAfterwards,
} from '../support/cgroup-mounts.js';
import { dropNamespace, inUserNamespace, useContainers } from '../support/inside.js';

const lab = useContainers();

const WRITE = 'mkdir /sys/fs/cgroup/sub && echo made; rmdir /sys/fs/cgroup/sub';

test('belongs to the container’s user where it is delegated, but not its limits', async () => {
  const inside = await lab.inspect(
    {
      write: WRITE,
      owners:
        'cd /sys/fs/cgroup; stat -c "%n %u" . cgroup.procs cgroup.subtree_control cgroup.max.depth',
      limit: '(echo 5 > /sys/fs/cgroup/cgroup.max.depth)',
      move: 'cd /sys/fs/cgroup; mkdir sub; echo $$ > sub/cgroup.procs; grep ^0:: /proc/self/cgroup',
    },
    (spec, bundle) => {
      mountCgroup(spec, 'rw', 'nosuid');
      inUserNamespace(spec, bundle);
    },
  );
  expect(inside.write).toContain('made');
  expect(inside.owners.split('\n')).toEqual([
    '. 0',
    'cgroup.procs 0',
    'cgroup.subtree_control 0',
    'cgroup.max.depth 65534',
  ]);
  expect(inside.limit).toContain('Permission denied');
  expect(inside.move).toBe('0::/sub');
});

test('is not delegated where it is read-only', async () => {
  const inside = await lab.inspect(
    { write: WRITE, owners: 'stat -c %u /sys/fs/cgroup/cgroup.procs' },
    inUserNamespace,
  );
  expect(inside.write).toContain('Read-only file system');
  expect(inside.owners).toBe('65534');
});

test('without a cgroup namespace, is writable in the container’s own part alone', async () => {
  // What is tried is the test's own, so that nothing else goes when it works.
  const victim = `${PARENT}/victim`;
  mkdirSync(UNIFIED + victim, { recursive: true });
  removeAfterwards(lab, PARENT, `${PARENT}/escaped`, victim);
  const own = `/sys/fs/cgroup${PARENT}/g`;
  const inside = await lab.inspect(
    {
      above: `cd /sys/fs/cgroup${PARENT}; sh -c 'echo $$ > victim/cgroup.procs'; mkdir escaped`,
      kill: `echo 1 > /sys/fs/cgroup${victim}/cgroup.kill && echo written`,
      own: `mkdir ${own}/sub && rmdir ${own}/sub && echo made`,
    },
    (spec) => {
      inCgroup(`${PARENT}/g`)(spec);
      mountCgroup(spec, 'rw');
    },
  );
  expect(inside.above.match(/Read-only file system/g) ?? []).toHaveLength(2);
  expect(inside.kill).not.toContain('written');
  expect(inside.own).toBe('made');
});

test('is read-only in a user namespace without a cgroup namespace, which is told', async () => {
  // The container's own part too, which may belong to its root.
  const writable = "grep -c ' /sys/fs/cgroup[^ ]* rw' /proc/self/mountinfo";
  const result = await lab.run(`${WRITE}; ${writable}`, (spec, bundle) => {
    mountCgroup(spec, 'rw');
    dropNamespace(spec, 'cgroup');
    inUserNamespace(spec, bundle);
  });
  expect(result.stderr).toMatch(/\/mounts\/\d+: read-only/);
  expect(result.stderr).toContain('Read-only file system');
  expect(result.stdout).toBe('0\n');
});
