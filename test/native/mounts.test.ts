/** mounts: types, targets and sources, as seen from inside. */

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Mount, RootfsPropagation } from '../../src/spec/types.js';
import {
  dropNamespace,
  HOST_ID,
  inUserNamespace,
  linuxOf,
  mountAt,
  parseMountInfo,
  useContainers,
} from '../support/inside.js';
import type { Change, Lab } from '../support/inside.js';

const lab = useContainers();
const MOUNTS = 'cat /proc/self/mountinfo';

describe('file systems', () => {
  it('of the default configuration are there', async () => {
    const inside = await lab.inspect({
      mounts: MOUNTS,
      shm: 'stat -c %a /dev/shm; touch /dev/shm/x && rm /dev/shm/x && echo written',
      pts: 'ls /dev/pts; stat -c %a /dev/pts/ptmx',
      proc: 'cat /proc/1/comm',
      net: 'ls /sys/class/net',
      dev: 'stat -c %a /dev',
    });
    const mounts = parseMountInfo(inside.mounts);
    const seen = mounts.slice(1, 8).map(({ target, type, options }) => [target, type, options[0]]);
    expect(seen).toEqual([
      ['/proc', 'proc', 'rw'],
      ['/dev', 'tmpfs', 'rw'],
      ['/dev/pts', 'devpts', 'rw'],
      ['/dev/shm', 'tmpfs', 'rw'],
      ['/dev/mqueue', 'mqueue', 'rw'],
      ['/sys', 'sysfs', 'ro'],
      ['/sys/fs/cgroup', 'cgroup2', 'ro'],
    ]);
    expect(mountAt(mounts, '/dev').superOptions).toContain('size=65536k');
    expect(mountAt(mounts, '/dev/pts').superOptions).toEqual(
      expect.arrayContaining(['gid=5', 'mode=620', 'ptmxmode=666']),
    );
    expect(inside.shm).toBe('1777\nwritten');
    expect(inside.pts).toBe('ptmx\n666');
    expect(inside.proc).toBe('sh');
    // sysfs shows the network namespace of whoever mounted it.
    expect(inside.net).toBe('lo');
    expect(inside.dev).toBe('755');
  });

  it('that are not mounted leave nothing', async () => {
    const result = await lab.run(
      'while read a b; do echo "$a"; done < /proc/self/mounts',
      (spec) => {
        spec.mounts = [{ destination: '/proc', type: 'proc', source: 'proc' }];
        delete spec.linux?.maskedPaths;
        delete spec.linux?.readonlyPaths;
      },
    );
    expect(result.stdout.trim().split('\n')).toHaveLength(2);
  });

  it('of the host stand in where a user namespace has no right to a new one', async () => {
    const inside = await lab.inspect(
      { comm: 'cat /proc/$$/comm', net: 'ls /sys/class/net', mounts: MOUNTS },
      (spec, bundle) => {
        inUserNamespace(spec, bundle);
        dropNamespace(spec, 'pid');
        dropNamespace(spec, 'network');
        const bound = ['rbind', 'nosuid', 'noexec', 'nodev'];
        spec.mounts = (spec.mounts ?? [])
          .filter(({ type }) => type !== 'cgroup')
          .map((mount) => {
            if (mount.type === 'proc')
              return { ...mount, type: 'bind', source: '/proc', options: bound };
            if (mount.type !== 'sysfs') return mount;
            return { ...mount, type: 'bind', source: '/sys', options: [...bound, 'rro'] };
          });
      },
    );
    expect(inside.comm).toBe('sh');
    expect(inside.net.split('\n').sort()).toEqual(readdirSync('/sys/class/net').sort());
    const mounts = parseMountInfo(inside.mounts);
    const below = mounts.filter(({ target }) => target.startsWith('/sys'));
    expect(below.length).toBeGreaterThan(1);
    expect(below.filter(({ options }) => options.includes('rw'))).toEqual([]);
  });

  it.each(['proc', 'sysfs'])('%s cannot be made in a namespace of the host’s', async (type) => {
    const result = await lab.run('true', (spec, bundle) => {
      inUserNamespace(spec, bundle);
      dropNamespace(spec, type === 'proc' ? 'pid' : 'network');
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/\/mounts\/[05].*(operation not permitted|permission denied)/);
  });

  const users: [string, typeof inUserNamespace][] = [
    ['', () => undefined],
    [', in a user namespace', inUserNamespace],
  ];

  it.each(users)('take options longer than fsconfig(2) does%s', async (_, change) => {
    const layers = lab.directory();
    chmodSync(layers, 0o755);
    const lower = Array.from({ length: 12 }, (_, index) => {
      const path = join(layers, `layer-with-a-long-name-${String(index)}`);
      mkdirSync(path);
      writeFileSync(join(path, `file-${String(index)}`), '');
      return path;
    });
    const inside = await lab.inspect({ files: 'ls /mnt', mounts: MOUNTS }, (spec, bundle) => {
      change(spec, bundle);
      spec.mounts?.push({
        destination: '/mnt',
        type: 'overlay',
        source: 'overlay',
        options: ['ro', 'nosuid', 'rprivate', `lowerdir=${lower.join(':')}`],
      });
    });
    expect(lower.join(':').length).toBeGreaterThan(500);
    expect(inside.files.split('\n')).toHaveLength(12);
    const mounts = parseMountInfo(inside.mounts);
    expect(mountAt(mounts, '/mnt')).toMatchObject({
      type: 'overlay',
      options: expect.arrayContaining(['ro', 'nosuid']) as string[],
      optional: [],
    });
    // Nothing is left of where it was made.
    expect(mounts.filter(({ target }) => target === '/')).toHaveLength(1);
  });

  it('that take the mode of what they cover do so with long options too', async () => {
    const inside = await lab.inspect(
      { mode: 'stat -c %a /data', size: 'df -k /data | tail -n 1' },
      (spec, { rootfs }) => {
        mkdirSync(join(rootfs, 'data'));
        chmodSync(join(rootfs, 'data'), 0o2751);
        const options = [`size=${'0'.repeat(260)}4000000`];
        spec.mounts?.push({ destination: '/data', type: 'tmpfs', source: 'data', options });
      },
    );
    expect(inside.mode).toBe('2751');
    // In octal.
    expect(inside.size).toMatch(/^data +1024 /);
  });

  it('are kept open only where something is changed late', async () => {
    const volume = lab.directory();
    const { mounts } = await lab.inspect(
      { mounts: MOUNTS },
      (spec) => {
        for (let i = 0; i < 100; i++) {
          const options = ['bind', 'ro', 'rslave', 'rshared'];
          spec.mounts?.push({ destination: `/mnt/${String(i)}`, source: volume, options });
        }
        spec.mounts?.push({ destination: '/last', type: 'tmpfs', options: ['ro'] });
      },
      { prefix: ['sh', '-c', 'ulimit -S -n 64 && exec "$@"', 'sh'] },
    );
    const found = parseMountInfo(mounts).filter(({ target }) => target.startsWith('/mnt/'));
    expect(found).toHaveLength(100);
    for (const { options, optional } of found) {
      expect({ options, optional: optional.join(' ') }).toEqual({
        options: expect.arrayContaining(['ro']) as string[],
        optional: expect.stringMatching(/^shared:\d+/) as string,
      });
    }
    expect(mountAt(parseMountInfo(mounts), '/last').options).toContain('ro');
  });

  it('of earlier entries are changed by a remount, whatever their names lead to by then', async () => {
    const { mounts } = await lab.inspect({ mounts: MOUNTS }, (spec, { rootfs }) => {
      mkdirSync(join(rootfs, 'real'));
      symlinkSync('real', join(rootfs, 'name'));
      spec.mounts?.push(
        { destination: '/name', type: 'tmpfs', source: 'first' },
        { destination: '/real', type: 'tmpfs', source: 'second' },
        { destination: '/name', options: ['remount', 'bind', 'noexec'] },
      );
    });
    const options = (source: string): string[] | undefined =>
      parseMountInfo(mounts).find((mount) => mount.source === source)?.options;
    expect(options('first')).toContain('noexec');
    expect(options('second')).not.toContain('noexec');
  });

  it('of a type that the kernel does not know are refused', async () => {
    const nothing = await lab.run('true', (spec) => {
      spec.mounts?.push({ destination: '/mnt', type: 'no-such-type', source: 'x' });
    });
    expect(nothing.status).toBe(1);
    expect(nothing.stderr).toMatch(/\/mounts\/7.*no-such-type.*\/mnt/);
  });
});

/** A volume, and the same names in the image below it. */
function volumeOverImage(lab: Lab, rootfs: string): string {
  const volume = lab.directory();
  for (const [directory, text] of [
    [volume, 'of the volume'],
    [join(rootfs, 'volume'), 'of the image'],
  ] as const) {
    mkdirSync(join(directory, 'both'), { recursive: true });
    writeFileSync(join(directory, 'both/file'), `${text}\n`);
  }
  mkdirSync(join(volume, 'alone'));
  writeFileSync(join(volume, 'alone/file'), 'of the volume\n');
  symlinkSync('/etc', join(volume, 'link'));
  chmodSync(volume, 0o755);
  return volume;
}

describe.each([
  ['', () => undefined, undefined],
  ['in a user namespace, ', inUserNamespace, undefined],
  ['with shared propagation, ', () => undefined, 'rshared'],
  ['in a user namespace with shared propagation, ', inUserNamespace, 'rshared'],
] as [string, Change, RootfsPropagation | undefined][])(
  '%sbind mounts of what an earlier entry has mounted',
  (_, change, propagation) => {
    const prepare =
      (mounts: (rootfs: string) => Mount[]): Change =>
      (spec, bundle) => {
        const volume = volumeOverImage(lab, bundle.rootfs);
        change(spec, bundle);
        if (propagation !== undefined) linuxOf(spec).rootfsPropagation = propagation;
        spec.mounts?.push(
          { destination: '/volume', source: volume, options: ['rbind'] },
          { destination: '/volume/alone', type: 'tmpfs', source: 'inside' },
          ...mounts(bundle.rootfs),
        );
      };

    it('show that, and not what it covers', async () => {
      const names = ['both', 'both/file', ''];
      const inside = await lab.inspect(
        { mounts: MOUNTS, both: 'cat /m0/file', file: 'cat /m1', all: 'ls /m2' },
        prepare((rootfs) =>
          names.map((name, i) => ({
            destination: `/m${String(i)}`,
            source: join(rootfs, 'volume', name),
            options: [i === 2 ? 'rbind' : 'bind'],
          })),
        ),
      );
      expect(inside).toMatchObject({ both: 'of the volume', file: 'of the volume' });
      expect(inside.all.split('\n')).toEqual(['alone', 'both', 'link']);
      expect(mountAt(parseMountInfo(inside.mounts), '/m2/alone')).toMatchObject({
        source: 'inside',
      });
    });

    it('are refused where the container has no such path', async () => {
      const { status, stderr } = await lab.run(
        'true',
        prepare((rootfs) => [
          { destination: '/m', source: join(rootfs, 'volume/alone/file'), options: ['bind'] },
        ]),
      );
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /\/mounts\/9: cannot bind-mount \/volume\/alone\/file of the container on \/m: no such file/,
      );
    });
  },
);

describe('bind mounts', () => {
  it('show directories and files, with what is mounted below or without', async () => {
    const volume = lab.directory();
    writeFileSync(join(volume, 'file'), 'of the host\n');
    mkdirSync(join(volume, 'below'));
    lab.mount(join(volume, 'below'), '-t', 'tmpfs', 'below');
    writeFileSync(join(volume, 'below/deep'), '');
    const inside = await lab.inspect(
      {
        mounts: MOUNTS,
        bind: 'ls /mnt/bind/below',
        rbind: 'ls /mnt/rbind/below',
        plain: 'ls /mnt/plain',
        file: 'cat /mnt/file; cat /etc/passwd',
        write: 'echo inside > /mnt/bind/written',
        refused: 'touch /mnt/rbind/x; echo x > /etc/passwd',
      },
      (spec) => {
        spec.mounts?.push(
          { destination: '/mnt/bind', source: volume, options: ['bind'] },
          { destination: '/mnt/rbind', source: volume, options: ['rbind', 'ro'] },
          { destination: '/mnt/plain', type: 'bind', source: volume },
          { destination: '/mnt/file', source: join(volume, 'file'), options: ['bind'] },
          { destination: '/etc/passwd', source: join(volume, 'file'), options: ['bind', 'ro'] },
        );
      },
    );
    expect(inside.bind).toBe('');
    expect(inside.rbind).toBe('deep');
    expect(inside.plain.split('\n')).toEqual(['below', 'file']);
    expect(inside.file).toBe('of the host\nof the host');
    expect(readFileSync(join(volume, 'written'), 'utf8')).toBe('inside\n');
    expect(inside.refused.match(/[Rr]ead-only file system/g)).toHaveLength(2);
    const mounts = parseMountInfo(inside.mounts);
    expect(mountAt(mounts, '/mnt/rbind').options).toContain('ro');
    expect(mountAt(mounts, '/mnt/rbind/below').options).toContain('rw');
    expect(mounts.some(({ target }) => target === '/mnt/bind/below')).toBe(false);
  });

  it('take relative sources from the bundle, and follow links on the host', async () => {
    const inside = await lab.inspect({ all: 'cat /mnt/a /mnt/b /mnt/c/f' }, (spec, { path }) => {
      mkdirSync(join(path, 'volume'));
      writeFileSync(join(path, 'volume/f'), 'one\n');
      symlinkSync('volume/f', join(path, 'link'));
      spec.mounts?.push(
        { destination: '/mnt/a', source: 'volume/f', options: ['bind'] },
        { destination: '/mnt/b', source: './link', options: ['bind'] },
        { destination: 'mnt/c', source: 'volume/../volume', options: ['bind'] },
      );
    });
    expect(inside.all).toBe('one\none\none');
  });

  it('refuse a source that is missing or does not fit the target', async () => {
    const missing = await lab.run('true', (spec) => {
      spec.mounts?.push({ destination: '/mnt', source: '/nowhere/at/all', options: ['bind'] });
    });
    expect(missing).toMatchObject({ status: 1, stdout: '' });
    expect(missing.stderr).toMatch(/\/mounts\/7.*\/nowhere\/at\/all.*no such file or directory/);
    // dockerd knows these by the words, and tells what may be wrong.
    for (const [source, destination] of [
      ['/tmp', '/etc/passwd'],
      ['/etc/passwd', '/mnt'],
    ] as const) {
      const misfit = await lab.run('true', (spec) => {
        spec.mounts?.push({ destination, source, options: ['bind'] });
      });
      expect(misfit).toMatchObject({
        status: 1,
        stderr: `tsrun: /mounts/7: cannot bind-mount ${source} on ${destination}: not a directory\n`,
      });
    }
  });

  it('reach a source that only the caller may reach', async () => {
    const directory = lab.directory();
    chmodSync(directory, 0o700);
    mkdirSync(join(directory, 'open'));
    chmodSync(join(directory, 'open'), 0o755);
    writeFileSync(join(directory, 'open/file'), 'reached\n');
    const inside = await lab.inspect(
      { file: 'cat /mnt/file', own: 'cat /proc/self/uid_map | tr -s " "' },
      (spec, bundle) => {
        inUserNamespace(spec, bundle);
        spec.mounts?.push({
          destination: '/mnt',
          source: join(directory, 'open'),
          options: ['bind'],
        });
      },
    );
    expect(inside.file).toBe('reached');
    expect(inside.own.trim()).toBe(`0 ${String(HOST_ID)} 65536`);
  });

  it('can be changed afterwards with remount', async () => {
    const inside = await lab.inspect({ mounts: MOUNTS }, (spec) => {
      spec.mounts?.push(
        { destination: '/mnt', source: '/usr', options: ['bind', 'noexec'] },
        { destination: '/mnt', options: ['remount', 'bind', 'ro', 'nosuid', 'rprivate'] },
        { destination: '/dev/shm', type: 'tmpfs', options: ['remount', 'exec'] },
      );
    });
    const mounts = parseMountInfo(inside.mounts);
    expect(mountAt(mounts, '/mnt').options.sort()).toEqual(['noexec', 'nosuid', 'relatime', 'ro']);
    expect(mounts.filter(({ target }) => target === '/mnt')).toHaveLength(1);
    expect(mountAt(mounts, '/dev/shm').options.sort()).toEqual([
      'nodev',
      'nosuid',
      'relatime',
      'rw',
    ]);
  });
});

describe('targets', () => {
  it('that are missing are made, and links are followed as the container sees them', async () => {
    const volume = lab.directory();
    writeFileSync(join(volume, 'file'), 'content\n');
    let rootfs = '';
    const inside = await lab.inspect(
      { mounts: MOUNTS, files: 'cat /made/by/us/file /var/run/x/file /esc /rel/file' },
      (spec, bundle) => {
        rootfs = bundle.rootfs;
        mkdirSync(join(rootfs, 'var'));
        mkdirSync(join(rootfs, 'links'));
        // As in many images, without the directory that it leads to.
        symlinkSync('/run', join(rootfs, 'var/run'));
        symlinkSync('../../../../../made/file', join(rootfs, 'esc'));
        symlinkSync('links/../missing', join(rootfs, 'rel'));
        const file = join(volume, 'file');
        spec.mounts?.push(
          { destination: '/made/by/us', source: volume, options: ['bind'] },
          { destination: '/var/run/x/file', source: file, options: ['bind'] },
          { destination: '/esc', source: file, options: ['bind'] },
          { destination: '/rel', source: volume, options: ['bind'] },
          { destination: '/var/run/t', type: 'tmpfs' },
        );
      },
    );
    expect(inside.files).toBe('content\ncontent\ncontent\ncontent');
    const targets = parseMountInfo(inside.mounts).map(({ target }) => target);
    expect(targets).toEqual(
      expect.arrayContaining(['/made/by/us', '/run/x/file', '/made/file', '/missing', '/run/t']),
    );
    expect(lstatSync(join(rootfs, 'made/by')).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(rootfs, 'run/x/file')).size).toBe(0);
    expect(lstatSync(join(rootfs, 'var/run')).isSymbolicLink()).toBe(true);
    expect(existsSync('/made')).toBe(false);
  });

  it('below other mounts are made in them', async () => {
    const volume = lab.directory();
    const inside = await lab.inspect({ mounts: MOUNTS }, (spec) => {
      spec.mounts?.push(
        { destination: '/mnt', type: 'tmpfs', options: ['ro'] },
        { destination: '/mnt/inner', source: volume, options: ['bind'] },
        { destination: '/mnt/inner/deep', type: 'tmpfs' },
      );
    });
    const mounts = parseMountInfo(inside.mounts);
    expect(mountAt(mounts, '/mnt').options).toContain('ro');
    expect(mountAt(mounts, '/mnt/inner/deep').parent).toBe(mountAt(mounts, '/mnt/inner').id);
    expect(existsSync(join(volume, 'deep'))).toBe(true);
  });

  it('that lead around in a circle are refused', async () => {
    const result = await lab.run('true', (spec, { rootfs }) => {
      symlinkSync('b', join(rootfs, 'a'));
      symlinkSync('a', join(rootfs, 'b'));
      spec.mounts?.push({ destination: '/a/x', type: 'tmpfs' });
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/\/mounts\/7.*too many (levels of )?symbolic links/);
  });
});

it('a mount without a source or type where it takes one is refused', async () => {
  const cases: [Mount, RegExp][] = [
    [{ destination: '/mnt', options: ['bind'] }, /\/mounts\/7\/source/],
    [{ destination: '/mnt', source: '/usr' }, /\/mounts\/7\/type/],
    [{ destination: '/', type: 'tmpfs' }, /\/mounts\/7\/destination/],
  ];
  for (const [mount, message] of cases) {
    const result = await lab.run('true', (spec) => {
      spec.mounts?.push(mount);
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(message);
  }
});
