import { describe, expect, test } from 'vitest';

import { LockedTrees } from '../../../src/lifecycle/locked-trees.js';
import {
  EAGAIN,
  EINVAL,
  ELOOP,
  EMFILE,
  ENOENT,
  ENOMEM,
  EPERM,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR__ATIME,
  ST_NODEV,
  ST_NOSUID,
  ST_RDONLY,
  ST_RELATIME,
  S_IFDIR,
  S_IFREG,
} from '../../../src/native/constants.js';
import { FakeSystem } from '../../fakes/system.js';
import type { Native, Stat } from '../../../src/native/types.js';
import { planContainer } from '../../../src/plan/container.js';
import { facts, spec } from '../plan/support.js';

const MAP = [{ containerID: 0, hostID: 100000, size: 65536 }];
const PLACE = 7;
const TREE = 8;
const OPENED = 9;
const NAMESPACE = 10;
const LOCKED = 11;

const STAT: Stat = {
  ...{ mode: S_IFDIR | 0o755, uid: 0, gid: 0, devMajor: 8, devMinor: 1, ino: 5n, size: 0 },
  ...{ rdevMajor: 0, rdevMinor: 0 },
};

interface Host {
  /** f_flags of the source. */
  flags?: number;
  mode?: number;
  /** What openTreeIn() gives. */
  tree?: number;
  /** Inode of what it gives. */
  ino?: bigint;
  idMapped?: number;
  /** What lockTree() gives. */
  lock?: number;
  /** fstat() and fstatfs() of the source fail. */
  unreadable?: 'file' | 'mount';
  /** What lockTree() was given. */
  changes?: number[];
}

/** What the plan's tree comes to: the one of the mount namespace, or the locked one. */
function open(options: string[], host: Host = {}, remount: string[] = []): number {
  const { flags = ST_RELATIME } = host;
  const later = { destination: '/b', options: ['remount', 'bind', ...remount] };
  const plan = planContainer(
    spec({
      mounts: [
        { destination: '/b', source: '/s', options },
        ...(remount.length === 0 ? [] : [later]),
      ],
      linux: {
        namespaces: [{ type: 'user' }, { type: 'mount' }, { type: 'uts' }, { type: 'network' }],
        uidMappings: MAP,
        gidMappings: MAP,
      },
    }),
    facts(),
  );
  const slot = plan.inputs.findIndex((input) => input.kind === 'tree' && input.path === '/s');
  const input = plan.inputs[slot];
  if (input?.kind !== 'tree') throw new Error('no tree');
  const closed: number[] = [];
  const native: Native = {
    ...new FakeSystem().native,
    strerror: (errno) => `errno ${errno}`,
    fstat: (fd) =>
      host.unreadable === 'file'
        ? -EMFILE
        : {
            ...STAT,
            mode: host.mode ?? STAT.mode,
            ino: fd === TREE ? (host.ino ?? STAT.ino) : STAT.ino,
          },
    fstatfsFlags: () => (host.unreadable === 'mount' ? -EMFILE : flags),
    openTreeIn: (mountNamespace, path) => {
      expect([mountNamespace, path]).toEqual([NAMESPACE, '/s']);
      return host.tree ?? TREE;
    },
    idMapTree: () => host.idMapped ?? 0,
    lockTree: (tree, mountNamespace, ...changes) => {
      expect([tree, mountNamespace]).toEqual([OPENED, NAMESPACE]);
      host.changes = changes;
      return host.lock ?? LOCKED;
    },
    close: (fd) => closed.push(fd),
  };
  const trees = new LockedTrees(native, plan.steps);
  trees.decide(slot, input, PLACE);
  const opened = Array.from({ length: slot + 1 }, () => OPENED);
  try {
    return trees.open(slot, opened, NAMESPACE);
  } catch (error) {
    expect(closed).toEqual((host.tree ?? TREE) < 0 || host.changes !== undefined ? [] : [TREE]);
    throw error;
  }
}

const HOSTILE = { flags: ST_RELATIME | ST_RDONLY | ST_NOSUID };

describe('a tree is exchanged for that of the mount namespace', () => {
  test.each([
    ['what asks for nothing', ['rbind'], HOSTILE, []],
    ['what sets something', ['rbind', 'ro', 'nodev'], HOSTILE, []],
    ['what takes off what the mount does not have', ['rbind', 'rw', 'suid', 'dev'], {}, []],
    ['the access times that the mount has', ['rbind', 'relatime'], HOSTILE, []],
    ['a directory with nothing mounted below', ['bind'], {}, []],
    ['a file', ['bind'], { mode: S_IFREG | 0o644 }, []],
    ['a later entry that takes off nothing', ['rbind'], HOSTILE, ['dev']],
  ] as [string, string[], Host, string[]][])('%s', (_, options, host, remount) => {
    expect(open(options, host, remount)).toBe(TREE);
  });
});

describe('a tree is changed as the configuration asks for, and locked', () => {
  const { atime, noatime } = {
    atime: MOUNT_ATTR__ATIME,
    noatime: MOUNT_ATTR_NOATIME,
  };
  test.each([
    ['rw of a read-only mount', ['rbind', 'rw'], HOSTILE, [], [0, 0, 0, MOUNT_ATTR_RDONLY]],
    [
      'suid of a mount with nosuid, but nothing that it sets',
      ['rbind', 'suid', 'nodev'],
      HOSTILE,
      [],
      [0, 0, 0, MOUNT_ATTR_NOSUID],
    ],
    ['dev', ['rbind', 'dev'], { flags: ST_RELATIME | ST_NODEV }, [], [0, 0, 0, MOUNT_ATTR_NODEV]],
    ['other access times', ['rbind', 'noatime'], {}, [], [0, 0, noatime, atime]],
    [
      'what may be of a mount below',
      ['rbind', 'rrw'],
      {},
      [],
      [0, MOUNT_ATTR_RDONLY, 0, MOUNT_ATTR_RDONLY],
    ],
    ['rw by a later entry', ['rbind'], HOSTILE, ['rw'], [0, 0, 0, MOUNT_ATTR_RDONLY]],
    [
      'the later of two access times',
      ['rbind', 'noatime'],
      {},
      ['relatime'],
      [0, 0, MOUNT_ATTR_RELATIME, atime],
    ],
    ['a part of a tree', ['bind'], { tree: -EINVAL }, [], [0, 0, 0, 0]],
  ] as [string, string[], Host, string[], number[]][])(
    '%s',
    (_, options, host, remount, changes) => {
      const seen = { ...host };
      expect(open(options, seen, remount)).toBe(LOCKED);
      expect(seen.changes).toEqual(changes);
    },
  );
});

describe('what fails is an error, and no reason for a tree without locks', () => {
  test.each([EAGAIN, EINVAL, ENOENT, ENOMEM, EPERM])(
    'the second lookup fails with %i, as whoever owns a directory of the path can bring about',
    (errno) => {
      expect(() => open(['rbind'], { tree: -errno })).toThrow(
        `/mounts/0: cannot open mount source /s in the container's mount namespace: errno ${errno}`,
      );
    },
  );

  test('the second lookup leads through a magic link', () => {
    expect(() => open(['rbind'], { tree: -ELOOP })).toThrow(
      /: it leads through a link of \/proc such as/,
    );
  });

  test('the second lookup leads to another file', () => {
    expect(() => open(['rbind'], { ino: 6n })).toThrow(
      "/mounts/0: cannot open mount source /s in the container's mount namespace: it is another file there",
    );
  });

  test('the ids cannot be mapped', () => {
    expect(() => open(['rbind', 'idmap'], { idMapped: -EPERM })).toThrow(
      `/mounts/0: cannot map the ids of /s: errno ${EPERM}`,
    );
  });

  test('it cannot be locked', () => {
    expect(() => open(['rbind', 'rw'], { ...HOSTILE, lock: -EPERM })).toThrow(
      `/mounts/0: cannot lock mount source /s: errno ${EPERM}`,
    );
  });

  test.each([
    ['file', 'mount source'],
    ['mount', 'the mount of'],
  ] as const)('the %s of the source cannot be looked at', (unreadable, what) => {
    expect(() => open(['bind'], { unreadable })).toThrow(
      `cannot look at ${what} /s: errno ${EMFILE}`,
    );
  });
});
