/** Row 14 (CVE-2023-25809): cgroups that a container can write to, above all its limits. */

import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';

import {
  PARENT,
  UNIFIED,
  inCgroup,
  mountCgroup,
  removeAfterwards,
} from '../support/cgroup-mounts.js';
import { dropNamespace, inUserNamespace, linuxOf, useContainers } from '../support/inside.js';
import { newId } from '../support/tsrun.js';
import { UID, makeUser } from '../support/user.js';
import type { User } from '../support/user.js';

const lab = useContainers();

let user: User;

beforeAll(() => {
  user = makeUser();
});

afterAll(() => {
  user.remove();
});

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

/** What a mount of this machine's hierarchy keeps a cgroup namespace from by itself. */
const NSDELEGATE = / - cgroup2 \S+ \S*\bnsdelegate\b/.test(
  readFileSync('/proc/self/mountinfo', 'utf8'),
);

/** Opens each file for writing, and names those that it could. */
const WRITABLE = `cd /sys/fs/cgroup
  for file in cgroup.max.depth cgroup.max.descendants $(ls | grep 'max$'); do
    (: >>$file) 2>/dev/null && echo "writable $file"
    (echo 5 >$file) 2>/dev/null && echo "written $file"
  done
  mkdir sub 2>/dev/null && echo made && rmdir sub
  cat cgroup.max.depth`;

const TOLD =
  /\/mounts\/\d+: read-only, since without the option nsdelegate of the cgroup hierarchy/;

/** The caller is root inside, and nobody else is there. */
function asCaller(spec: Spec, uid: number, size: number): void {
  const map = [{ containerID: 0, hostID: uid, size }];
  Object.assign(linuxOf(spec), { uidMappings: map, gidMappings: map });
  linuxOf(spec).namespaces?.push({ type: 'user' });
}

function userBundle(cgroupsPath?: string): string {
  const bundle = lab.bundle(WRITABLE, (spec) => {
    mountCgroup(spec, 'rw');
    asCaller(spec, UID, 1);
    const pts = spec.mounts?.find(({ type }) => type === 'devpts');
    if (pts?.options !== undefined) pts.options = pts.options.filter((o) => !o.startsWith('gid='));
    if (cgroupsPath !== undefined) linuxOf(spec).cgroupsPath = cgroupsPath;
  });
  user.give(bundle.path);
  return bundle.path;
}

test('of an ordinary user’s container in a delegated part has limits it cannot write', async () => {
  const delegated = `${PARENT}-user`;
  const own = `${delegated}/caller`;
  mkdirSync(UNIFIED + own, { recursive: true });
  removeAfterwards(lab, delegated, own);
  for (const name of ['', '/cgroup.procs', '/cgroup.subtree_control', '/caller/cgroup.procs']) {
    chownSync(UNIFIED + delegated + name, UID, UID);
  }
  const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
  const result = await user.tsrun(
    ['run', '--bundle', userBundle(`${delegated}/container`), newId()],
    { prefix: ['sh', '-c', enter, UNIFIED + own] },
  );
  expect(result).toMatchObject({ status: 0 });
  expect(result.stdout).toBe(NSDELEGATE ? 'made\nmax\n' : 'max\n');
  if (NSDELEGATE) expect(result.stderr).toBe('');
  else expect(result.stderr).toMatch(TOLD);
});

test('of an ordinary user’s container without delegation is not writable', async () => {
  const result = await user.tsrun(['run', '--bundle', userBundle(), newId()]);
  expect(result).toMatchObject({ status: 0 });
  expect(result.stdout).not.toMatch(/writ|made/);
});

test('of a user namespace whose root is the host’s has limits it cannot write', async () => {
  const result = await lab.run(WRITABLE, (spec) => {
    mountCgroup(spec, 'rw');
    asCaller(spec, 0, 65_536);
  });
  expect(result).toMatchObject({ status: 0 });
  expect(result.stdout).toBe(NSDELEGATE ? 'made\nmax\n' : 'max\n');
  if (!NSDELEGATE) expect(result.stderr).toMatch(TOLD);
});
