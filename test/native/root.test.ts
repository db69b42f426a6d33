/** root.path, root.readonly, linux.rootfsPropagation, hostname, domainname, --no-pivot. */

import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { RootfsPropagation, Spec } from '../../src/spec/types.js';
import {
  dropNamespace,
  grant,
  HOST_ID,
  inMountNamespace,
  inUserNamespace,
  linuxOf,
  mountAt,
  parseMountInfo,
  program,
  useContainers,
} from '../support/inside.js';
import type { Change } from '../support/inside.js';
import { inCgroup } from '../support/cgroup-mounts.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';

const lab = useContainers();

describe('root', () => {
  const paths: Record<string, Change> = {
    'as a relative path': (spec) => {
      spec.root = { path: 'rootfs' };
    },
    'as a relative path with dots': (spec, { path, rootfs }) => {
      mkdirSync(join(path, 'a'));
      renameSync(rootfs, join(path, 'a/b'));
      spec.root = { path: './a/../a//b/' };
    },
    'as an absolute path': (spec, { rootfs }) => {
      spec.root = { path: rootfs };
    },
    'as a link': (spec, { path, rootfs }) => {
      renameSync(rootfs, join(path, 'real'));
      symlinkSync('real', rootfs);
      spec.root = { path: 'rootfs' };
    },
  };

  it.each(Object.entries(paths))('is found %s', async (_, change) => {
    const inside = await lab.inspect({ marker: 'cat /marker', up: 'ls /../' }, (spec, bundle) => {
      writeFileSync(join(bundle.rootfs, 'marker'), 'this one\n');
      change(spec, bundle);
    });
    expect(inside.marker).toBe('this one');
    expect(inside.up.split('\n')).toContain('marker');
  });

  it('is refused where it is not a directory or missing', async () => {
    const file = await lab.run('true', (spec, { path }) => {
      writeFileSync(join(path, 'file'), '');
      spec.root = { path: 'file' };
    });
    expect(file).toMatchObject({ status: 1, stdout: '' });
    expect(file.stderr).toMatch(/\/root\/path.*not a directory/);
    const missing = await lab.run('true', (spec) => {
      spec.root = { path: 'nowhere' };
    });
    expect(missing).toMatchObject({ status: 1, stdout: '' });
    expect(missing.stderr).toMatch(/\/root\/path.*no such file or directory/);
  });

  it.each([
    ['read-only', true, 'ro'],
    ['writable', false, 'rw'],
  ] as const)('is %s', async (_, readonly, option) => {
    let rootfs = '';
    const inside = await lab.inspect(
      { touch: 'touch /made && echo done', mounts: 'cat /proc/self/mountinfo' },
      (spec, bundle) => {
        rootfs = bundle.rootfs;
        spec.root = { path: 'rootfs', readonly };
      },
    );
    expect(inside.touch).toBe(readonly ? 'touch: /made: Read-only file system' : 'done');
    expect(existsSync(join(rootfs, 'made'))).toBe(!readonly);
    const mounts = parseMountInfo(inside.mounts);
    expect(mountAt(mounts, '/').options).toContain(option);
    // What is mounted below is not touched.
    expect(mountAt(mounts, '/dev').options).toContain('rw');
  });

  it('shows nothing of the host', async () => {
    const inside = await lab.inspect({ mounts: 'cat /proc/self/mountinfo', cwd: 'pwd' });
    const targets = parseMountInfo(inside.mounts).map(({ target }) => target);
    expect(targets.filter((target) => target === '/')).toHaveLength(1);
    expect(targets.filter((target) => !/^\/(proc|dev|sys)?(\/|$)/.test(target))).toEqual([]);
    expect(inside.cwd).toBe('/');
  });

  it('is changed without pivot_root', async () => {
    const inside = await lab.inspect(
      { mounts: 'cat /proc/self/mountinfo', up: 'ls -d /../../bin/busybox /tmp/tsrun*; true' },
      undefined,
      { flags: ['--no-pivot'] },
    );
    expect(inside.up).toContain('/../../bin/busybox');
    expect(inside.up).toContain('/tmp/tsrun*: No such file');
    expect(mountAt(parseMountInfo(inside.mounts), '/').root).toMatch(/rootfs$/);
  });

  it.each<[string, string[], Change]>([
    ['pivot_root', [], () => undefined],
    ['--no-pivot', ['--no-pivot'], () => undefined],
    ['--no-pivot in a user namespace', ['--no-pivot'], inUserNamespace],
  ])(
    'lets no user namespace inside have a procfs or sysfs without masks: %s',
    async (_, flags, change) => {
      const inNew = (fs: string): string =>
        `unshare -U -r -m -n -p -f sh -c "mount -t ${fs} none /new && ls /new"`;
      const inside = await lab.inspect(
        { proc: inNew('proc'), sys: inNew('sysfs') },
        (spec, bundle) => {
          mkdirSync(join(bundle.rootfs, 'new'));
          grant(spec, 'CAP_SETFCAP');
          change(spec, bundle);
        },
        { flags },
      );
      expect(inside.proc).toMatch(/^mount: permission denied/);
      expect(inside.sys).toMatch(/^mount: permission denied/);
    },
  );

  it('is refused with --no-pivot where it has a procfs already, which nothing could cover', async () => {
    const mounted =
      'for word; do if [ -d "$word/rootfs" ]; then mount -t proc proc "$word/rootfs/proc"; fi; done; exec "$@"';
    const run = (flags: string[]) =>
      lab.run('echo ran', () => undefined, {
        flags,
        prefix: ['unshare', '--mount', 'sh', '-c', mounted, 'sh'],
      });
    expect(await run([])).toMatchObject({ status: 0, stdout: 'ran\n' });
    const refused = await run(['--no-pivot']);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /--no-pivot: cannot cover the proc on .*\/rootfs\/proc of the host/,
    );
  });
});

describe('linux.rootfsPropagation', () => {
  // The host's mounts are shared here, as systemd makes them; the second mount is one below the root.
  const shared = inMountNamespace('mount --make-rshared / && exec "$@"');
  const table: Record<RootfsPropagation, { root: RegExp; below: RegExp }> = {
    '': { root: /^$/, below: /^master:\d+$/ },
    private: { root: /^$/, below: /^$/ },
    rprivate: { root: /^$/, below: /^$/ },
    slave: { root: /^$/, below: /^master:\d+$/ },
    rslave: { root: /^$/, below: /^master:\d+$/ },
    shared: { root: /^shared:\d+$/, below: /^$/ },
    rshared: { root: /^shared:\d+$/, below: /^shared:\d+$/ },
    unbindable: { root: /^unbindable$/, below: /^$/ },
    runbindable: { root: /^unbindable$/, below: /^unbindable$/ },
  };

  it.each(Object.entries(table))('"%s" is that of the root', async (value, { root, below }) => {
    const inside = await lab.inspect(
      { mounts: 'cat /proc/self/mountinfo' },
      (spec, { rootfs }) => {
        linuxOf(spec).rootfsPropagation = value as RootfsPropagation;
        lab.mount(join(rootfs, 'mnt'), '-t', 'tmpfs', 'below');
      },
      { prefix: shared },
    );
    const mounts = parseMountInfo(inside.mounts);
    expect(mountAt(mounts, '/').optional.join(' ')).toMatch(root);
    expect(mountAt(mounts, '/mnt').optional.join(' ')).toMatch(below);
  });

  it('is private by default', async () => {
    const inside = await lab.inspect({ mounts: 'cat /proc/self/mountinfo' }, undefined, {
      prefix: shared,
    });
    expect(inside.mounts).not.toContain('shared:');
    expect(mountAt(parseMountInfo(inside.mounts), '/').optional).toEqual([]);
  });

  it('shared lets a bind mount pass on what is mounted in it', async () => {
    const volume = lab.directory();
    mkdirSync(join(volume, 'here'));
    const after = 'mount --make-rshared /; "$@" || exit; grep here /proc/self/mountinfo';
    const mount = async (value: RootfsPropagation): Promise<string> => {
      const result = await lab.run(
        'mount -t tmpfs made-inside /volume/here',
        (spec) => {
          grant(spec, 'CAP_SYS_ADMIN');
          linuxOf(spec).rootfsPropagation = value;
          const options = ['rbind', value];
          spec.mounts?.push({ destination: '/volume', source: volume, options });
        },
        { prefix: inMountNamespace(after) },
      );
      return result.stderr + result.stdout;
    };
    expect(await mount('rshared')).toContain(`${volume}/here `);
    expect(await mount('rslave')).toBe('');
  });

  /** What the host has mounted before and after `create`, where it shares what it has. */
  async function host(
    change: Change,
    before = 'true',
  ): Promise<{ status: number | null; stderr: string; mounts: string[] }> {
    const bundle = lab.bundle('exec sleep 1000', (spec, files) => {
      inCgroup(undefined)(spec);
      linuxOf(spec).rootfsPropagation = 'rshared';
      change(spec, files);
    });
    const command = [...COMMAND, '--root', lab.runtime().root];
    const script =
      `${before} && mount --make-rshared / && cat /proc/self/mountinfo && echo -- && ` +
      '"$@" create --bundle "$BUNDLE" "$ID" < /dev/null > /dev/null && ' +
      'cat /proc/self/mountinfo && echo -- && exec "$@" delete --force "$ID"';
    const { status, stderr, stdout } = await runProgram([...inMountNamespace(script), ...command], {
      env: { ...process.env, BUNDLE: bundle.path, ID: newId() },
    });
    return { status, stderr, mounts: stdout.split('--\n') };
  }

  // The first is shared itself in the end.
  it.each([[['rshared']], [[]]])(
    'shared leaves the host without the mounts of the container: %j',
    async (options) => {
      const mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options };
      const { status, stderr, mounts } = await host((spec) => {
        spec.mounts = [...(spec.mounts ?? []).filter(({ type }) => type !== 'cgroup'), mount];
      });
      expect({ status, stderr, after: mounts[1] }).toEqual({
        ...{ status: 0, stderr: '', after: mounts[0] },
      });
    },
  );

  it('shared leaves the host without what the container mounts on its view of cgroups', async () => {
    const after = 'mount --make-rshared /; "$@" || exit; grep made-inside /proc/self/mountinfo';
    const result = await lab.run(
      'mount -t tmpfs made-inside /sys/fs/cgroup && grep -o made-inside /proc/self/mountinfo',
      (spec) => {
        inCgroup(undefined)(spec);
        grant(spec, 'CAP_SYS_ADMIN');
        linuxOf(spec).rootfsPropagation = 'rshared';
        const options: string[] = [];
        spec.mounts = (spec.mounts ?? []).filter(({ type }) => type !== 'cgroup');
        spec.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', options });
      },
      { prefix: inMountNamespace(after) },
    );
    expect(result).toMatchObject({ stdout: 'made-inside\n', stderr: '' });
  });

  /** A volume that is a mount of the host, with places for others in it. */
  function volume(): { path: string; mounted: string; change: Change } {
    const path = lab.directory();
    const source = lab.directory();
    for (const name of ['tmpfs', 'bind', 'masked', 'readonly/deep/er', 'here']) {
      mkdirSync(join(path, name), { recursive: true });
    }
    for (const name of ['file', 'hidden', 'deep', 'other'])
      writeFileSync(join(path, name), 'of the host');
    writeFileSync(join(source, 'file'), 'bound');
    symlinkSync('../volume/file', join(path, 'link'));
    program('chown', ['-hR', String(HOST_ID), path, source]);
    program('chmod', ['755', path, source]);
    return {
      path,
      mounted: `mount --bind ${path} ${path}`,
      change: (spec, { rootfs }) => {
        // On another mount than what it leads to.
        symlinkSync('/volume/other', join(rootfs, 'elsewhere'));
        const bind = (destination: string, from: string): object => ({
          ...{ destination, type: 'none', source: from, options: ['rbind', 'rshared'] },
        });
        spec.mounts?.push(
          ...([
            bind('/volume', path),
            { destination: '/volume/tmpfs', type: 'tmpfs', source: 'tmpfs' },
            bind('/volume/bind', source),
            bind('/volume/link', join(source, 'file')),
            bind('/elsewhere', join(source, 'file')),
            bind('/volume/made/below', source),
          ] as NonNullable<Spec['mounts']>),
        );
        linuxOf(spec).maskedPaths = ['/volume/masked', '/volume/hidden'];
        linuxOf(spec).readonlyPaths = ['/volume/readonly/deep/er', '/volume/deep'];
      },
    };
  }

  it.each([
    ['', () => undefined],
    [', in a user namespace', inUserNamespace],
  ] as [string, Change][])(
    'shared leaves the host without what is mounted in a volume that it shares%s',
    async (_, namespace) => {
      const { change, mounted } = volume();
      const { status, stderr, mounts } = await host((spec, bundle) => {
        change(spec, bundle);
        namespace(spec, bundle);
      }, mounted);
      expect({ status, stderr, after: mounts[1] }).toEqual({
        status: 0,
        stderr: '',
        after: mounts[0],
      });
    },
  );

  it('a volume with mounts of the container in it goes on to pass on what is mounted in it', async () => {
    const { change, mounted, path } = volume();
    const script =
      'mount -t tmpfs made-inside /volume/here && cat /proc/self/mountinfo && ' +
      'cat /volume/file /volume/hidden && ls /volume/masked && ! touch /volume/deep';
    const after = `${mounted} && mount --make-rshared /; "$@" || exit; echo -- ; grep here /proc/self/mountinfo`;
    const result = await lab.run(
      script,
      (spec, files) => {
        grant(spec, 'CAP_SYS_ADMIN');
        linuxOf(spec).rootfsPropagation = 'rshared';
        change(spec, files);
      },
      { prefix: inMountNamespace(after) },
    );
    const [inside, outside] = result.stdout.split('--\n');
    expect(result.stderr).toMatch(/^touch: .*Read-only file system\n$/);
    expect(inside).toMatch(/\nbound$/);
    for (const place of [
      'tmpfs',
      'bind',
      'file',
      'other',
      'made/below',
      'masked',
      'hidden',
      'deep',
    ]) {
      expect(inside).toContain(` /volume/${place} `);
    }
    expect(outside).toContain(`${path}/here `);
  });
});

describe('without a mount namespace', () => {
  const bare: Change = (spec) => {
    dropNamespace(spec, 'mount');
    spec.mounts = [];
    spec.root = { path: 'rootfs' };
    const linux = linuxOf(spec);
    linux.maskedPaths = [];
    linux.readonlyPaths = [];
    delete linux.rootfsPropagation;
    linux.devices = [{ type: 'c', path: '/dev/other', major: 1, minor: 5 }];
  };

  it('the root is changed, and has the devices', async () => {
    const inside = await lab.inspect(
      {
        root: 'cat /marker; ls /../',
        devices: 'echo gone > /dev/null && head -c 3 /dev/zero /dev/other | wc -c; ls /dev',
      },
      (spec, bundle) => {
        bare(spec, bundle);
        writeFileSync(join(bundle.rootfs, 'marker'), 'this one\n');
      },
    );
    expect(inside.root).toMatch(/^this one\n[^]*marker/);
    expect(inside.devices.split('\n')).toEqual(
      expect.arrayContaining(['null', 'other', 'tty', 'urandom', 'fd', 'stdin']),
    );
  });

  const changes: [string, Change][] = [
    ['/mounts', (spec) => (spec.mounts = [{ destination: '/m', type: 'tmpfs' }])],
    ['/root/readonly', (spec) => (spec.root = { path: 'rootfs', readonly: true })],
    ['/linux/maskedPaths', (spec) => (linuxOf(spec).maskedPaths = ['/etc'])],
    ['/linux/readonlyPaths', (spec) => (linuxOf(spec).readonlyPaths = ['/etc'])],
    ['/linux/rootfsPropagation', (spec) => (linuxOf(spec).rootfsPropagation = 'private')],
  ];
  it.each(changes)('%s is refused', async (pointer, change) => {
    const result = await lab.run('true', (spec, bundle) => {
      bare(spec, bundle);
      change(spec, bundle);
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain(`: ${pointer}: needs a mount namespace in /linux/namespaces`);
  });
});

describe('names', () => {
  it('are those of the configuration, in the container alone', async () => {
    const inside = await lab.inspect(
      {
        host: 'hostname; uname -n; cat /proc/sys/kernel/hostname',
        domain: 'cat /proc/sys/kernel/domainname',
      },
      (spec) => {
        spec.hostname = 'a-host.example';
        spec.domainname = 'a.domain';
      },
    );
    expect(inside.host.split('\n')).toEqual(Array(3).fill('a-host.example'));
    expect(inside.domain).toBe('a.domain');
  });

  it.each(['hostname', 'domainname'] as const)('%s needs a uts namespace', async (field) => {
    const result = await lab.run('true', (spec) => {
      delete spec.hostname;
      spec[field] = 'name';
      const linux = linuxOf(spec);
      linux.namespaces = (linux.namespaces ?? []).filter(({ type }) => type !== 'uts');
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toContain(`/${field}`);
  });
});
