/** linux.devices, the default devices and their links, linux.resources.devices, from inside. */

import { chownSync, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { LinuxDeviceCgroup } from '../../src/spec/types.js';
import {
  grant,
  inUserNamespace,
  linuxOf,
  mountAt,
  parseMountInfo,
  program,
  useContainers,
} from '../support/inside.js';

const lab = useContainers();

const DEFAULT = ['null 1:3', 'zero 1:5', 'full 1:7', 'random 1:8', 'urandom 1:9', 'tty 5:0'];
const NAMES = DEFAULT.map((device) => `/dev/${device.split(' ')[0] ?? ''}`).join(' ');
const LINKS = {
  '/dev/fd': '/proc/self/fd',
  '/dev/stdin': '/proc/self/fd/0',
  '/dev/stdout': '/proc/self/fd/1',
  '/dev/stderr': '/proc/self/fd/2',
  '/dev/ptmx': 'pts/ptmx',
};
/** Each of them as a program uses it. */
const USE = [
  'echo x > /dev/null; wc -c < /dev/null',
  'head -c 3 /dev/zero | wc -c',
  'echo x 2>&1 > /dev/full',
  'head -c 3 /dev/random | wc -c; head -c 3 /dev/urandom | wc -c',
  'echo out | cat /dev/stdin; (echo out > /dev/stdout) | cat; (echo err > /dev/stderr) 2>&1 | cat',
].join('\n');
const USED = ['0', '3', 'sh: write error: No space left on device', '3', '3', 'out', 'out', 'err'];

describe('the default devices', () => {
  it('are there with numbers, modes, owners and links, and work', async () => {
    const inside = await lab.inspect({
      nodes: `stat -c '%n %F %t:%T %a %u:%g' ${NAMES}`,
      links: `for l in ${Object.keys(LINKS).join(' ')}; do readlink $l; done`,
      core: 'readlink /dev/core',
      use: USE,
      all: 'ls /dev',
      mounts: 'cat /proc/self/mountinfo',
    });
    expect(inside.nodes.split('\n')).toEqual(
      DEFAULT.map((device) => {
        const [name = '', number = ''] = device.split(' ');
        return `/dev/${name} character special file ${number} 666 0:0`;
      }),
    );
    expect(inside.links.split('\n')).toEqual(Object.values(LINKS));
    expect(inside.core).toBe('/proc/kcore');
    expect(inside.use.split('\n')).toEqual(USED);
    const expected =
      'core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero';
    expect(inside.all.split('\n')).toEqual(expected.split(' '));
    const below = parseMountInfo(inside.mounts).filter(({ target }) => target.startsWith('/dev/'));
    expect(below.map(({ target }) => target)).toEqual(['/dev/pts', '/dev/shm', '/dev/mqueue']);
  });

  it('are the host’s, bound, in a user namespace', async () => {
    const inside = await lab.inspect(
      { use: USE, mounts: 'cat /proc/self/mountinfo', nodes: `stat -c '%n %t:%T' ${NAMES}` },
      inUserNamespace,
    );
    expect(inside.use.split('\n')).toEqual(USED);
    expect(inside.nodes.split('\n')).toEqual(DEFAULT.map((device) => `/dev/${device}`));
    const mounts = parseMountInfo(inside.mounts);
    for (const path of NAMES.split(' ')) {
      expect(mountAt(mounts, path)).toMatchObject({ root: path.slice(4), type: 'devtmpfs' });
    }
  });

  it('are left alone where the host’s /dev, or another, is bound', async () => {
    const volume = lab.directory();
    await lab.inspect({ nothing: 'true' }, (spec) => {
      spec.mounts = [
        { destination: '/proc', type: 'proc' },
        { destination: '/dev', source: volume, options: ['bind'] },
      ];
      delete spec.linux?.maskedPaths;
    });
    expect(readdirSync(volume)).toEqual([]);
  });
});

describe('linux.devices', () => {
  it.each([
    ['', undefined],
    [', in a user namespace too', inUserNamespace],
  ])('are made with type, numbers, mode and owner, wherever they are%s', async (_, enter) => {
    const inside = await lab.inspect(
      {
        nodes:
          "stat -c '%n %F %t:%T %a %u:%g' /dev/char /dev/block /dev/pipe /dev/a/b/deep /dev/unbuffered /elsewhere /dev/null",
        masked: 'umask',
      },
      (spec, bundle) => {
        enter?.(spec, bundle);
        if (spec.process?.user !== undefined) spec.process.user.umask = 0o77;
        linuxOf(spec).devices = [
          { path: '/dev/char', type: 'c', major: 10, minor: 229, fileMode: 0o640, uid: 7, gid: 8 },
          { path: '/dev/block', type: 'b', major: 259, minor: 1_048_575, fileMode: 0o600 },
          { path: '/dev/pipe', type: 'p', fileMode: 0o622, uid: 9 },
          { path: '/dev/a/b/deep', type: 'c', major: 1, minor: 300, gid: 5 },
          { path: '/dev/unbuffered', type: 'u', major: 4095, minor: 1 },
          { path: '/elsewhere', type: 'c', major: 1, minor: 11, fileMode: 0o1777 },
          { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o600, uid: 1 },
        ];
      },
    );
    expect(inside.nodes.split('\n')).toEqual([
      '/dev/char character special file a:e5 640 7:8',
      '/dev/block block special file 103:fffff 600 0:0',
      '/dev/pipe fifo 0:0 622 9:0',
      '/dev/a/b/deep character special file 1:12c 666 0:5',
      '/dev/unbuffered character special file fff:1 666 0:0',
      '/elsewhere character special file 1:b 1777 0:0',
      '/dev/null character special file 1:3 600 1:0',
    ]);
    expect(inside.masked).toBe('0077');
  });

  it('can be used in a user namespace, with an owner that it has not as nobody', async () => {
    const inside = await lab.inspect(
      {
        use: 'head -c 3 /dev/other | wc -c; stat -c %u:%g /dev/other',
        mounts: 'cat /proc/self/mountinfo',
      },
      (spec, bundle) => {
        inUserNamespace(spec, bundle);
        linuxOf(spec).devices = [
          // The device of another name, so that the host's of this one cannot be it.
          { path: '/dev/other', type: 'c', major: 1, minor: 5, uid: 70_000, gid: 5 },
        ];
      },
    );
    expect(inside.use).toBe('3\n65534:5');
    const mount = mountAt(parseMountInfo(inside.mounts), '/dev/other');
    expect(mount.options).toEqual(expect.arrayContaining(['nosuid', 'noexec']));
    // No more of it can be seen than the node.
    expect(mount.root).toBe('/device');
  });

  it('that are bound from the host keep their owner', async () => {
    const node = join(lab.directory(), 'tty');
    program('mknod', ['-m', '620', node, 'c', '5', '0']);
    chownSync(node, 1, 5);
    const inside = await lab.inspect({ stat: 'stat -c %u:%g /dev/tty' }, (spec) => {
      spec.mounts?.push({ destination: '/dev/tty', type: 'bind', source: node, options: ['bind'] });
      linuxOf(spec).devices = [{ path: '/dev/tty', type: 'c', major: 5, minor: 0, uid: 7, gid: 7 }];
    });
    expect(inside.stat).toBe('1:5');
    const { uid, gid } = statSync(node);
    expect([uid, gid]).toEqual([1, 5]);
  });

  it('that are there already as another type of the same number are refused', async () => {
    const result = await lab.run('true', (spec, { rootfs }) => {
      program('mknod', [join(rootfs, 'block'), 'b', '1', '3']);
      linuxOf(spec).devices = [{ path: '/block', type: 'c', major: 1, minor: 3 }];
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain('/block is there already and is not that device');
  });

  it('that are there already stay when they are the same, and are refused when not', async () => {
    const inside = await lab.inspect(
      { stat: 'stat -c "%t:%T %a" /node /pipe' },
      (spec, { rootfs }) => {
        program('mknod', ['-m', '604', join(rootfs, 'node'), 'c', '10', '229']);
        program('mkfifo', ['-m', '604', join(rootfs, 'pipe')]);
        linuxOf(spec).devices = [
          { path: '/node', type: 'c', major: 10, minor: 229 },
          { path: '/pipe', type: 'p' },
        ];
      },
    );
    expect(inside.stat).toBe('a:e5 604\n0:0 604');
    const other = await lab.run('true', (spec) => {
      linuxOf(spec).devices = [{ path: '/etc/passwd', type: 'c', major: 1, minor: 3 }];
    });
    expect(other).toMatchObject({ status: 1, stdout: '' });
    expect(other.stderr).toMatch(/\/linux\/devices\/0.*\/etc\/passwd/);
  });
});

describe('linux.resources.devices', () => {
  const deny: LinuxDeviceCgroup = { allow: false, access: 'rwm' };
  const fuse = (allow: boolean, access: string): LinuxDeviceCgroup => ({
    ...{ allow, access, type: 'c', major: 10, minor: 229 },
  });
  const ERROR = 'Operation not permitted';
  const READ = 'exec 3< /dev/fuse && echo ok';
  const WRITE = 'exec 3>> /dev/fuse && echo ok';
  const both = `(${READ})\n(${WRITE})\n(exec 3<> /dev/fuse && echo ok)`;

  it.each<[string, LinuxDeviceCgroup[] | undefined, string]>([
    ['nothing is allowed that no rule allows', [deny], 'no no no'],
    ['without rules only the default devices are allowed', undefined, 'no no no'],
    ['an empty list is the same', [], 'no no no'],
    ['reading alone', [deny, fuse(true, 'r')], 'ok no no'],
    ['writing alone', [deny, fuse(true, 'w')], 'no ok no'],
    ['both', [deny, fuse(true, 'rw')], 'ok ok ok'],
    ['both, in two rules', [deny, fuse(true, 'r'), fuse(true, 'w')], 'ok ok ok'],
    ['a later denial takes back', [deny, fuse(true, 'rw'), fuse(false, 'w')], 'ok no no'],
    ['a denial of all takes back all', [fuse(true, 'rw'), deny], 'no no no'],
    [
      'a whole major number',
      [deny, { allow: true, type: 'c', major: 10, access: 'rw' }],
      'ok ok ok',
    ],
    ['another kind of device', [deny, { allow: true, type: 'b', access: 'rwm' }], 'no no no'],
    ['everything', [{ allow: true, access: 'rwm' }], 'ok ok ok'],
    ['everything but', [{ allow: true, access: 'rwm' }, fuse(false, 'rwm')], 'no no no'],
  ])('%s', async (_, devices, expected) => {
    const inside = await lab.inspect(
      { opened: both, null: 'echo > /dev/null && echo ok' },
      (spec) => {
        const linux = linuxOf(spec);
        linux.devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229 }];
        if (devices === undefined) delete linux.resources;
        else linux.resources = { devices };
      },
    );
    const seen = inside.opened.split('\n').map((line) => (line.includes(ERROR) ? 'no' : line));
    expect(seen.join(' ')).toBe(expected);
    expect(inside.null).toBe('ok');
  });

  it('make nodes of everything, and open what is allowed', async () => {
    const mknod = 'cd /mnt; mknod fuse c 10 229; mknod disk b 254 0; mknod null c 1 3';
    const use = `${mknod}; for i in fuse disk null; do head -c 0 $i && echo $i ok; done`;
    const inside = async (devices: LinuxDeviceCgroup[]): Promise<string[]> => {
      const { all } = await lab.inspect({ all: use }, (spec) => {
        grant(spec, 'CAP_MKNOD', 'CAP_SYS_ADMIN');
        linuxOf(spec).resources = { devices };
        spec.mounts?.push({ destination: '/mnt', type: 'tmpfs' });
      });
      return all.split('\n').map((line) => line.replace(/^.*: (?=\w+: )/, ''));
    };
    expect(await inside([deny])).toEqual([`fuse: ${ERROR}`, `disk: ${ERROR}`, 'null ok']);
    expect(await inside([deny, fuse(true, 'r')])).toEqual(['fuse ok', `disk: ${ERROR}`, 'null ok']);
  });

  it.each([
    ['no no no', [deny]],
    ['ok no no', [deny, fuse(true, 'r')]],
  ])('are in force in a user namespace: %s', async (expected, devices) => {
    const node = join(lab.directory(), 'node');
    program('mknod', ['-m', '666', node, 'c', '10', '229']);
    const inside = await lab.inspect({ opened: both }, (spec, bundle) => {
      inUserNamespace(spec, bundle);
      spec.mounts?.push({ destination: '/dev/fuse', source: node, options: ['bind'] });
      linuxOf(spec).resources = { devices };
    });
    const seen = inside.opened.split('\n').map((line) => (line.includes(ERROR) ? 'no' : line));
    expect(seen.join(' ')).toBe(expected);
  });
});

it('the host’s devices are as they were', () => {
  expect(lstatSync('/dev/null').mode & 0o777).toBe(0o666);
  expect(readlinkSync('/dev/fd')).toBe('/proc/self/fd');
});
