/** mounts[].options: every option of the specification's list, as mountinfo shows it inside. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { knownMountOptions } from '../../src/plan/mounts/options.js';
import {
  inMountNamespace,
  inUserNamespace,
  mountAt,
  parseMountInfo,
  program,
  useContainers,
} from '../support/inside.js';
import type { Change, MountInfo } from '../support/inside.js';

const lab = useContainers();
const MOUNTS = { mounts: 'cat /proc/self/mountinfo' };

/** Options of a tmpfs, and what becomes of `rw,relatime` and of the file system's own flags. */
const FILE_SYSTEM: readonly (readonly [options: string, mount: string, superblock?: string])[] = [
  ['', 'rw,relatime'],
  ['defaults', 'rw,relatime'],
  ['ro', 'ro,relatime'],
  ['rw', 'rw,relatime'],
  ['ro,rw', 'rw,relatime'],
  ['rw,ro', 'ro,relatime'],
  ['nosuid', 'rw,nosuid,relatime'],
  ['nosuid,suid', 'rw,relatime'],
  ['nodev', 'rw,nodev,relatime'],
  ['nodev,dev', 'rw,relatime'],
  ['noexec', 'rw,noexec,relatime'],
  ['noexec,exec', 'rw,relatime'],
  ['nosymfollow', 'rw,relatime,nosymfollow'],
  ['nosymfollow,symfollow', 'rw,relatime'],
  ['nosuid,nodev,noexec,ro', 'ro,nosuid,nodev,noexec,relatime'],
  ['noatime', 'rw,noatime'],
  ['noatime,atime', 'rw,relatime'],
  ['relatime', 'rw,relatime'],
  ['relatime,norelatime', 'rw,relatime'],
  ['strictatime', 'rw'],
  ['strictatime,nostrictatime', 'rw,relatime'],
  ['strictatime,noatime', 'rw,noatime'],
  ['noatime,strictatime', 'rw'],
  ['nodiratime', 'rw,nodiratime,relatime'],
  ['nodiratime,diratime', 'rw,relatime'],
  ['noatime,nodiratime', 'rw,noatime,nodiratime'],
  ['sync', 'rw,relatime', 'sync'],
  ['sync,async', 'rw,relatime'],
  ['dirsync', 'rw,relatime', 'dirsync'],
  ['lazytime', 'rw,relatime', 'lazytime'],
  ['lazytime,nolazytime', 'rw,relatime'],
  ['mand', 'rw,relatime', 'mand'],
  ['mand,nomand', 'rw,relatime'],
  ['silent', 'rw,relatime'],
  ['loud', 'rw,relatime'],
  ['noiversion', 'rw,relatime'],
];

/** Options of an rbind: the mount itself, and the one below it. */
const PLAIN = 'rw,relatime';
const STRICT = 'ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow';
const TREE: readonly (readonly [
  source: 'plain' | 'strict',
  options: string,
  top: string,
  below: string,
])[] = [
  ['plain', '', PLAIN, PLAIN],
  ['plain', 'ro', 'ro,relatime', PLAIN],
  ['plain', 'nosuid,nodev,noexec', 'rw,nosuid,nodev,noexec,relatime', PLAIN],
  ['plain', 'noatime', 'rw,noatime', PLAIN],
  ['plain', 'rro', 'ro,relatime', 'ro,relatime'],
  ['plain', 'rnosuid', 'rw,nosuid,relatime', 'rw,nosuid,relatime'],
  ['plain', 'rnodev', 'rw,nodev,relatime', 'rw,nodev,relatime'],
  ['plain', 'rnoexec', 'rw,noexec,relatime', 'rw,noexec,relatime'],
  ['plain', 'rnosymfollow', 'rw,relatime,nosymfollow', 'rw,relatime,nosymfollow'],
  ['plain', 'rnodiratime', 'rw,nodiratime,relatime', 'rw,nodiratime,relatime'],
  ['plain', 'rnoatime', 'rw,noatime', 'rw,noatime'],
  ['plain', 'rstrictatime', 'rw', 'rw'],
  ['plain', 'rstrictatime,rnostrictatime', PLAIN, PLAIN],
  ['plain', 'rrelatime,rnorelatime', PLAIN, PLAIN],
  ['plain', 'rro,rw', 'rw,relatime', 'ro,relatime'],
  ['strict', '', STRICT, STRICT],
  ['strict', 'rw', without('ro'), STRICT],
  ['strict', 'rrw', without('ro'), without('ro')],
  ['strict', 'rsuid', without('nosuid'), without('nosuid')],
  ['strict', 'rdev', without('nodev'), without('nodev')],
  ['strict', 'rexec', without('noexec'), without('noexec')],
  ['strict', 'rsymfollow', without('nosymfollow'), without('nosymfollow')],
  ['strict', 'rdiratime', without('nodiratime'), without('nodiratime')],
  ['strict', 'rrelatime', without('noatime', 'relatime'), without('noatime', 'relatime')],
  ['strict', 'ratime', without('noatime', 'relatime'), without('noatime', 'relatime')],
  ['strict', 'suid,dev,exec', without('nosuid,nodev,noexec'), STRICT],
];

const SLAVE = /^master:\d+$/;
const SHARED = /^shared:\d+ master:\d+$/;
/** Options of an rbind from a host whose mounts are shared. */
const PROPAGATION: readonly (readonly [options: string, top: RegExp, below: RegExp])[] = [
  ['', SLAVE, SLAVE],
  ['private', /^$/, SLAVE],
  ['rprivate', /^$/, /^$/],
  ['slave', SLAVE, SLAVE],
  ['rslave', SLAVE, SLAVE],
  ['shared', SHARED, SLAVE],
  ['rshared', SHARED, SHARED],
  ['unbindable', /^unbindable$/, SLAVE],
  ['runbindable', /^unbindable$/, /^unbindable$/],
  ['rprivate,shared', /^shared:\d+$/, /^$/],
];

/** Options in the order of mountinfo, with `rw` for a missing `ro`. */
function without(names: string, instead = ''): string {
  const gone = names.split(',');
  const kept = STRICT.split(',').map((option) =>
    option === 'ro' && gone.includes(option) ? 'rw' : option,
  );
  const rest = kept.filter((option) => !gone.includes(option));
  if (instead === '') return rest.join(',');
  return [...rest.slice(0, -1), instead, ...rest.slice(-1)].join(',');
}

function words(options: string): string[] {
  return options === '' ? [] : options.split(',');
}

function sorted(options: readonly string[]): string {
  return [...options].sort().join(',');
}

function target(index: number): string {
  return `/mnt/${String(index)}`;
}

/** Volumes `plain` and `strict`, each with a mount `below` in it. */
function volumes(): Record<'plain' | 'strict', string> {
  const directory = lab.directory();
  const make = (name: string): string => {
    const path = join(directory, name);
    mkdirSync(path);
    lab.mount(path, '-t', 'tmpfs', name);
    mkdirSync(join(path, 'below'));
    program('mount', ['-t', 'tmpfs', `${name}-below`, join(path, 'below')]);
    return path;
  };
  const plain = make('plain');
  const strict = make('strict');
  for (const path of [join(strict, 'below'), strict]) {
    program('mount', ['-o', `remount,bind,${STRICT}`, path]);
  }
  return { plain, strict };
}

describe('mount options', () => {
  it('are all in the tables here', () => {
    const tested = new Set([
      ...FILE_SYSTEM.flatMap(([options]) => words(options)),
      ...TREE.flatMap(([, options]) => words(options)),
      ...PROPAGATION.flatMap(([options]) => words(options)),
      // Tests of their own, in mounts.test.ts and idmap.test.ts; iversion is below.
      ...['bind', 'rbind', 'remount', 'tmpcopyup', 'idmap', 'ridmap', 'iversion'],
    ]);
    expect(knownMountOptions().filter((name) => !tested.has(name))).toEqual([]);
  });

  it('of a new file system are those of the mount and of the file system', async () => {
    const inside = await lab.inspect(MOUNTS, (spec) => {
      FILE_SYSTEM.forEach(([options], index) => {
        spec.mounts?.push({ destination: target(index), type: 'tmpfs', options: words(options) });
      });
    });
    const mounts = parseMountInfo(inside.mounts);
    const flags = ['sync', 'dirsync', 'lazytime', 'mand'];
    const seen = FILE_SYSTEM.map(([options], index) => {
      const mount = mountAt(mounts, target(index));
      const superblock = mount.superOptions.filter((option) => flags.includes(option));
      return [options, sorted(mount.options), superblock.join(',')];
    });
    expect(seen).toEqual(
      FILE_SYSTEM.map(([options, mount, superblock = '']) => [
        options,
        sorted(words(mount)),
        superblock,
      ]),
    );
  });

  const users: [string, Change][] = [
    ['', () => undefined],
    [', in a user namespace', inUserNamespace],
  ];

  it.each(users)('of a bind mount are for it, and for all below with an r%s', async (_, change) => {
    const source = volumes();
    const inside = await lab.inspect(MOUNTS, (spec, bundle) => {
      change(spec, bundle);
      TREE.forEach(([name, options], index) => {
        const all = ['rbind', ...words(options)];
        spec.mounts?.push({ destination: target(index), source: source[name], options: all });
      });
    });
    const mounts = parseMountInfo(inside.mounts);
    const seen = TREE.map(([source, options], index) => [
      source,
      options,
      ...[target(index), `${target(index)}/below`].map((path) =>
        sorted(mountAt(mounts, path).options),
      ),
    ]);
    expect(seen).toEqual(
      TREE.map(([source, options, top, below]) => [
        source,
        options,
        sorted(words(top)),
        sorted(words(below)),
      ]),
    );
    // And the host's mounts are as they were.
    const host = parseMountInfo(program('cat', ['/proc/self/mountinfo']));
    expect(sorted(mountAt(host, source.plain).options)).toBe(sorted(words(PLAIN)));
    expect(sorted(mountAt(host, source.strict).options)).toBe(sorted(words(STRICT)));
  });

  it.each(users)(
    'of propagation are for the mount, and for all below with an r%s',
    async (_, change) => {
      const { plain } = volumes();
      const inside = await lab.inspect(
        MOUNTS,
        (spec, bundle) => {
          change(spec, bundle);
          PROPAGATION.forEach(([options], index) => {
            const all = ['rbind', ...words(options)];
            spec.mounts?.push({ destination: target(index), source: plain, options: all });
          });
        },
        { prefix: inMountNamespace('mount --make-rshared / && exec "$@"') },
      );
      const mounts = parseMountInfo(inside.mounts);
      const propagation = (mount: MountInfo): string => mount.optional.join(' ');
      PROPAGATION.forEach(([options, top, below], index) => {
        expect(propagation(mountAt(mounts, target(index))), options).toMatch(top);
        expect(propagation(mountAt(mounts, `${target(index)}/below`)), options).toMatch(below);
      });
    },
  );

  it('that only the file system knows are given to it', async () => {
    const options = ['size=1m', 'mode=1750', 'uid=7', 'gid=8', 'nr_inodes=77'];
    const inside = await lab.inspect(
      { ...MOUNTS, stat: 'stat -c "%a %u %g" /mnt', size: 'df -k /mnt | tail -n 1' },
      (spec) => {
        spec.mounts?.push({ destination: '/mnt', type: 'tmpfs', source: 'name', options });
      },
    );
    const mount = mountAt(parseMountInfo(inside.mounts), '/mnt');
    expect(mount).toMatchObject({ type: 'tmpfs', source: 'name', root: '/' });
    expect(mount.superOptions).toEqual(
      expect.arrayContaining(['size=1024k', 'mode=1750', 'uid=7', 'gid=8', 'nr_inodes=77']),
    );
    expect(inside.stat).toBe('1750 7 8');
    expect(inside.size).toMatch(/^name\s+1024\s/);
  });

  it.each([
    ['tmpfs', 'size=much', /\/mounts\/7.*size/],
    ['tmpfs', 'nonsense', /\/mounts\/7.*nonsense/],
    ['proc', 'tmpcopyup', /\/mounts\/7\/options.*tmpcopyup/],
  ])('of %s that mean nothing are refused: %s', async (type, option, message) => {
    const result = await lab.run('true', (spec) => {
      spec.mounts?.push({ destination: '/mnt', type, source: type, options: [option] });
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(message);
  });

  it('without effect are named in a warning', async () => {
    const result = await lab.run('true', (spec) => {
      spec.mounts?.push(
        { destination: '/mnt', type: 'tmpfs', options: ['iversion'] },
        { destination: '/home', source: '/usr', options: ['bind', 'sync', 'size=1m'] },
      );
    });
    expect(result.status).toBe(0);
    expect(result.stderr).toContain('/mounts/7/options: without effect: iversion');
    expect(result.stderr).toContain('/mounts/8/options: without effect: sync, size=1m');
  });
});
