/** Later entries of `mounts` that reach a protected mount of cgroups by another name than its own. */

import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Mount, Spec } from '../../src/spec/types.js';

import {
  PARENT,
  UNIFIED,
  inCgroup,
  mountCgroup,
  removeAfterwards,
} from '../support/cgroup-mounts.js';
import { dropNamespace, grant, inUserNamespace, useContainers } from '../support/inside.js';
import type { Change } from '../support/inside.js';
import type { Result } from '../support/tsrun.js';

const lab = useContainers();

/** Links of the image, which whoever wrote that may have chosen. */
const LINKS = { cgroups: 'sys/fs/cgroup', system: 'sys', top: '/' };

function image(rootfs: string): void {
  mkdirSync(join(rootfs, 'elsewhere'), { recursive: true });
  for (const [name, leadsTo] of Object.entries(LINKS)) {
    rmSync(join(rootfs, name), { force: true });
    symlinkSync(leadsTo, join(rootfs, name));
  }
}

const remount = (destination: string, option: 'rw' | 'rrw'): Mount => ({
  destination,
  options: ['remount', 'bind', option],
});

/** A container that sees the whole hierarchy, and a cgroup of the test's own that it must not change. */
async function outsideOwn(
  mounts: (rootfs: string) => Mount[],
  globals: string[] = [],
  change: (spec: Spec) => void = () => undefined,
): Promise<Result> {
  const victim = `${PARENT}/victim`;
  mkdirSync(UNIFIED + victim, { recursive: true });
  removeAfterwards(lab, PARENT, `${PARENT}/escaped`, victim);
  const own = `/sys/fs/cgroup${PARENT}/g`;
  const result = await lab.run(
    `for root in /sys/fs/cgroup /elsewhere /elsewhere/fs/cgroup; do
       mkdir $root${PARENT}/escaped && echo made; echo 1 >$root${victim}/cgroup.freeze && echo froze
     done 2>/dev/null
     mkdir ${own}/sub && rmdir ${own}/sub && echo own`,
    (spec, bundle) => {
      image(bundle.rootfs);
      inCgroup(`${PARENT}/g`)(spec);
      mountCgroup(spec, 'rw');
      change(spec);
      spec.mounts?.push(...mounts(bundle.rootfs));
    },
    { globals },
  );
  expect(existsSync(`${UNIFIED}${PARENT}/escaped`)).toBe(false);
  return result;
}

const STAYS = /^.*\/mounts\/\d+: \/sys\/fs\/cgroup stays as it is, since only the container's own/;

test.each([
  ['a directory above', [remount('/sys', 'rrw')]],
  ['a link of the image to the mount', [remount('/cgroups', 'rw')]],
  ['a link of the image to a directory above', [remount('/system', 'rrw')]],
  ['a link of the image to the root', [remount('/top', 'rrw')]],
  ['several names', [remount('/cgroups', 'rw'), remount('/sys', 'rrw'), remount('/top', 'rrw')]],
] as [string, Mount[]][])(
  'the hierarchy beside the container’s own part stays read-only after a remount by %s',
  async (_, mounts) => {
    const result = await outsideOwn(() => mounts);
    expect(result).toMatchObject({ status: 0, stdout: 'own\n' });
    if (mounts.some(({ destination }) => destination === '/sys')) {
      expect(result.stderr).toMatch(STAYS);
    } else {
      expect(result.stderr).toBe('');
    }
  },
);

test('so it does with CAP_SYS_ADMIN and --protect-host-cgroups', async () => {
  const result = await outsideOwn(
    () => [remount('/sys', 'rrw'), remount('/cgroups', 'rw')],
    ['--protect-host-cgroups'],
    (spec) => {
      grant(spec, 'CAP_SYS_ADMIN');
    },
  );
  expect(result).toMatchObject({ status: 0, stdout: 'own\n' });
});

test('a bind mount whose source a link of the image leads there is refused', async () => {
  const result = await outsideOwn((rootfs) => [
    { destination: '/elsewhere', source: join(rootfs, 'cgroups'), options: ['bind', 'rw'] },
  ]);
  expect(result.status).not.toBe(0);
  expect(result).toMatchObject({ stdout: '' });
  expect(result.stderr).toMatch(/\/mounts\/\d+: .*cgroups.*invalid argument/);
});

test('a bind mount of it that the configuration names is refused, with the reason', async () => {
  const result = await outsideOwn((rootfs) => [
    { destination: '/elsewhere', source: join(rootfs, 'sys/fs/cgroup'), options: ['bind', 'rw'] },
  ]);
  expect(result.status).not.toBe(0);
  expect(result.stderr).toMatch(
    /\/mounts\/\d+\/source: cannot be part of \/sys\/fs\/cgroup, since only/,
  );
});

test.each([
  ['whose options ask for more', ['rbind', 'rrw'], []],
  ['that is changed later', ['rbind'], [remount('/elsewhere', 'rrw')]],
] as [string, string[], Mount[]][])(
  'a bind mount of a directory above has none of it: one %s',
  async (_, options, further) => {
    const result = await outsideOwn((rootfs) => [
      { destination: '/elsewhere', source: join(rootfs, 'system'), options },
      ...further,
    ]);
    expect(result).toMatchObject({ status: 0, stdout: 'own\n', stderr: '' });
  },
);

test('the container’s own part may be bound, and written to', async () => {
  const result = await outsideOwn((rootfs) => [
    {
      destination: '/elsewhere',
      source: join(rootfs, `sys/fs/cgroup${PARENT}/g`),
      options: ['bind', 'rw'],
    },
  ]);
  expect(result).toMatchObject({ status: 0, stdout: 'own\n', stderr: '' });
});

/** Files of limits that can be opened for writing. */
const LIMITS = `for directory in /sys/fs/cgroup /elsewhere /elsewhere/fs/cgroup; do
    for file in $directory/cgroup.max.*; do
      if test -f $file && (: >>$file) 2>/dev/null; then echo "writable $file"; fi
    done
  done`;

test.each([
  ['a writable mount', 'rw', [remount('/sys', 'rrw')]],
  ['a writable mount, through a link', 'rw', [remount('/system', 'rrw')]],
  ['a read-only mount, through a link', 'ro', [remount('/cgroups', 'rw')]],
] as [string, string, Mount[]][])(
  'files of limits stay read-only for a root that may not mount: in %s',
  async (_, option, mounts) => {
    const result = await lab.run(LIMITS, (spec, bundle) => {
      image(bundle.rootfs);
      mountCgroup(spec, option);
      spec.mounts?.push(...mounts);
    });
    expect(result).toMatchObject({ status: 0, stdout: '' });
  },
);

test.each([
  ['a file', 'sys/fs/cgroup/cgroup.max.depth', 'bind', 'file'],
  ['the mount', 'cgroups', 'bind', 'directory'],
] as const)('files of limits cannot be bound: %s', async (_, source, option, type) => {
  const result = await lab.run(LIMITS, (spec, bundle) => {
    image(bundle.rootfs);
    mountCgroup(spec, 'rw');
    const destination = type === 'file' ? '/limit' : '/elsewhere';
    const options = [option, 'rw'];
    spec.mounts?.push({ destination, source: join(bundle.rootfs, source), options });
  });
  expect(result.status).not.toBe(0);
  expect(result.stdout).toBe('');
});

test.each([
  ['a directory above', remount('/sys', 'rrw')],
  ['a link of the image', remount('/cgroups', 'rw')],
])(
  'in a user namespace without a cgroup namespace, all stays read-only after a remount by %s',
  async (_, mount) => {
    const change: Change = (spec, bundle) => {
      image(bundle.rootfs);
      mountCgroup(spec, 'rw');
      dropNamespace(spec, 'cgroup');
      inUserNamespace(spec, bundle);
      spec.mounts?.push(mount);
    };
    const script = "grep -c ' /sys/fs/cgroup[^ ]* rw' /proc/self/mountinfo";
    expect(await lab.run(script, change)).toMatchObject({ stdout: '0\n' });
  },
);
