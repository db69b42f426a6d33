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
  ST_NODEV,
  ST_NOSUID,
  ST_RDONLY,
  ST_RELATIME,
  S_IFDIR,
  S_IFREG,
} from '../../../src/native/constants.js';
import { FakeSystem } from '../../../src/native/fake.js';
import type { Native, Stat } from '../../../src/native/types.js';
import { planContainer } from '../../../src/plan/container.js';
import { facts, spec } from '../plan/support.js';

const MAP = [{ containerID: 0, hostID: 100000, size: 65536 }];
const PLACE = 7;
const TREE = 8;
const OPENED = 9;
const NAMESPACE = 10;

const STAT: Stat = {
  ...{ mode: S_IFDIR | 0o755, uid: 0, gid: 0, devMajor: 8, devMinor: 1, ino: 5n, size: 0 },
  ...{ rdevMajor: 0, rdevMinor: 0 },
};

interface Host {
  /** f_flags of the source. */
  flags?: number;
  /** Lines of mountinfo behind that of the source, which is mounted on /s. */
  below?: string[];
  /** Options of the mount in mountinfo. */
  attributes?: string;
  mode?: number;
  /** What openTreeIn() gives. */
  tree?: number;
  /** Inode of what it gives. */
  ino?: bigint;
  idMapped?: number;
  unreadable?: string;
}

/** What the plan's tree comes to: the locked one, or -1. */
function open(options: string[], host: Host = {}, remount: string[] = []): number {
  const { flags = ST_RELATIME, below = [], attributes = 'rw,relatime' } = host;
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
  const texts: Record<string, string> = {
    [`/proc/self/fdinfo/${PLACE}`]: 'pos:\t0\nmnt_id:\t30\n',
    '/proc/self/mountinfo': [
      '20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/a rw',
      `30 20 8:1 /s /s ${attributes} - ext4 /dev/a rw`,
      ...below,
    ].join('\n'),
  };
  const native: Native = {
    ...new FakeSystem().native,
    strerror: (errno) => `errno ${errno}`,
    fstat: (fd) => ({
      ...STAT,
      mode: host.mode ?? STAT.mode,
      ino: fd === TREE ? (host.ino ?? STAT.ino) : STAT.ino,
    }),
    fstatfsFlags: () => flags,
    readText: (path) => (path === host.unreadable ? -EMFILE : (texts[path] ?? -ENOENT)),
    readlink: () => '/s',
    openTreeIn: (mountNamespace, path) => {
      expect([mountNamespace, path]).toEqual([NAMESPACE, '/s']);
      return host.tree ?? TREE;
    },
    idMapTree: () => host.idMapped ?? 0,
    close: (fd) => closed.push(fd),
  };
  const trees = new LockedTrees(native, plan.steps);
  trees.decide(slot, input, PLACE);
  const opened = Array.from({ length: slot + 1 }, () => OPENED);
  try {
    return trees.open(slot, opened, NAMESPACE);
  } catch (error) {
    expect(closed).toEqual((host.tree ?? TREE) < 0 ? [] : [TREE]);
    throw error;
  }
}

const HOSTILE = { flags: ST_RELATIME | ST_RDONLY | ST_NOSUID, attributes: 'ro,nosuid,relatime' };
const BELOW = '40 30 0:9 / /s/sub ro,relatime - tmpfs t rw';

describe('a tree is exchanged for the locked one', () => {
  test.each([
    ['what asks for nothing', ['rbind'], HOSTILE, []],
    ['what sets something', ['rbind', 'ro', 'nodev'], HOSTILE, []],
    ['what takes off what the mount does not have', ['rbind', 'rw', 'suid', 'dev'], {}, []],
    [
      'rw, where the file system alone is read-only',
      ['rbind', 'rw'],
      { flags: ST_RDONLY | ST_RELATIME },
      [],
    ],
    ['the access times that the mount has', ['rbind', 'relatime'], HOSTILE, []],
    [
      'a directory with nothing mounted below',
      ['bind'],
      { below: ['41 20 0:9 / /s2 rw - tmpfs t rw'] },
      [],
    ],
    ['a file', ['bind'], { mode: S_IFREG | 0o644, below: [BELOW] }, []],
    ['rrw, where a mount below is not read-only', ['rbind', 'rsuid'], { below: [BELOW] }, []],
    ['a later entry that takes off nothing', ['rbind'], HOSTILE, ['dev']],
  ] as [string, string[], Host, string[]][])('%s', (_, options, host, remount) => {
    expect(open(options, host, remount)).toBe(TREE);
  });
});

describe('the configuration gets what it asks for without locks', () => {
  test.each([
    ['rw of a read-only mount', ['rbind', 'rw'], HOSTILE, []],
    ['suid of a mount with nosuid', ['rbind', 'suid'], HOSTILE, []],
    [
      'dev',
      ['rbind', 'dev'],
      { flags: ST_RELATIME | ST_NODEV, attributes: 'rw,nodev,relatime' },
      [],
    ],
    ['other access times', ['rbind', 'noatime'], {}, []],
    ['a part of a tree', ['bind'], { below: [BELOW] }, []],
    ['rrw of a tree with a read-only mount', ['rbind', 'rrw'], { below: [BELOW] }, []],
    [
      'rrw, further below',
      ['rbind', 'rrw'],
      { below: [BELOW.replace('ro', 'rw'), '42 40 0:8 / /s/sub/x ro - tmpfs t rw'] },
      [],
    ],
    ['rw by a later entry', ['rbind'], HOSTILE, ['rw']],
  ] as [string, string[], Host, string[]][])('%s', (_, options, host, remount) => {
    expect(open(options, host, remount)).toBe(-1);
  });
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

  test.each(['/proc/self/mountinfo', `/proc/self/fdinfo/${PLACE}`])(
    '%s, by which it is decided, cannot be read',
    (unreadable) => {
      expect(() => open(['bind'], { unreadable })).toThrow(
        `cannot read ${unreadable}: errno ${EMFILE}`,
      );
    },
  );
});
