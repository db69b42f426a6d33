import { expect, test } from 'vitest';

import { hostMounts } from '../../../src/lifecycle/host-mounts.js';
import type { Native } from '../../../src/native/types.js';

const MOUNTINFO = [
  '22 1 0:20 / / rw shared:1 - ext4 /dev/vda rw',
  '23 22 0:21 / /proc rw,nosuid shared:5 - proc proc rw',
  '24 22 0:22 / /sys rw - sysfs sysfs rw',
  '25 24 0:23 / /sys/fs/cgroup rw - cgroup2 none rw',
  '26 22 0:21 /sys /bound/sys rw - proc proc rw',
  '27 22 0:21 / /a\\040b rw - proc proc rw',
  '28 27 0:21 / /a\\040b rw - proc proc rw',
  '30 22 0:21 / /c/rootfs2 rw - proc proc rw',
  '',
].join('\n');

/** @param leads the mount that each path leads to, or a negated errno */
function host(leads: Record<string, number>): Native {
  const paths = Object.keys(leads);
  return {
    open: (path: string) => ((leads[path] ?? 0) < 0 ? leads[path] : paths.indexOf(path) + 100),
    strerror: (errno: number) => `errno ${String(errno)}`,
    close: () => 0,
    readText: (path: string) =>
      path === '/proc/self/mountinfo'
        ? MOUNTINFO
        : `pos:\t0\nmnt_id:\t${String(leads[paths[Number(path.slice(18)) - 100] ?? ''])}\n`,
  } as unknown as Native;
}

const ALL = { '/proc': 23, '/sys': 24, '/a b': 28, '/c/rootfs2': 30 };

test('whole ones alone, as often as they are mounted', () => {
  expect(hostMounts(host(ALL), '/c/rootfs')).toEqual([
    '/proc',
    '/sys',
    '/a b',
    '/a b',
    '/c/rootfs2',
  ]);
});

test('one that is hidden by another mount cannot be covered', () => {
  expect(() => hostMounts(host({ ...ALL, '/sys': 99 }), '/c/rootfs')).toThrow(
    '--no-pivot: cannot cover the sysfs on /sys of the host: something else is mounted over it',
  );
});

test('one below the root file system would stay where no path leads', () => {
  expect(() => hostMounts(host(ALL), '/c/rootfs2')).toThrow(
    '--no-pivot: cannot cover the proc on /c/rootfs2 of the host: the root of the container hides it',
  );
  expect(() => hostMounts(host(ALL), '/bound')).not.toThrow();
  expect(() => hostMounts(host(ALL), '/c')).toThrow('proc on /c/rootfs2 of the host');
});

test('one that the caller cannot reach is refused with the reason', () => {
  expect(() => hostMounts(host({ ...ALL, '/a b': -13 }), '/c/rootfs')).toThrow(
    '--no-pivot: cannot cover the proc on /a b of the host: errno 13',
  );
});
