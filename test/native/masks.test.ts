/** linux.maskedPaths, readonlyPaths, sysctl and personality, from inside. */

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import {
  dropNamespace,
  grant,
  inUserNamespace,
  linuxOf,
  mountAt,
  parseMountInfo,
  program,
  setNamespace,
  useContainers,
} from '../support/inside.js';
import type { Change } from '../support/inside.js';

const lab = useContainers();
const MOUNTS = 'cat /proc/self/mountinfo';

const USERS: [string, Change][] = [
  ['', () => undefined],
  [' in a user namespace', inUserNamespace],
];

describe.each(USERS)('hidden paths%s', (_, change) => {
  it('maskedPaths show nothing of files and directories', async () => {
    const inside = await lab.inspect(
      {
        file: 'cat /etc/secret; echo x > /etc/secret; stat -c "%F %t:%T" /etc/secret',
        directory: 'ls -A /hidden; touch /hidden/x',
        second: 'ls -A /hidden2',
        link: 'cat /to-secret; ls -A /to-directory',
        kernel: 'ls -A /sys/firmware /proc/acpi; cat /proc/keys /proc/timer_list | wc -c',
        mounts: MOUNTS,
      },
      (spec, bundle) => {
        const { rootfs } = bundle;
        writeFileSync(join(rootfs, 'etc/secret'), 'secret\n');
        for (const name of ['hidden', 'hidden2', 'linked']) {
          mkdirSync(join(rootfs, name));
          writeFileSync(join(rootfs, name, 'secret'), '');
        }
        symlinkSync('etc/secret', join(rootfs, 'to-secret'));
        symlinkSync('/linked', join(rootfs, 'to-directory'));
        spec.root = { path: 'rootfs' };
        linuxOf(spec).maskedPaths?.push(
          ...[
            '/etc/secret',
            '/hidden',
            '/hidden2',
            '/to-directory',
            '/absent',
            '/etc/passwd/absent',
          ],
        );
        change(spec, bundle);
      },
    );
    expect(inside.file).toBe('character special file 1:3');
    expect(inside.directory).toBe('touch: /hidden/x: Read-only file system');
    expect(inside.second).toBe('');
    expect(inside.link).toBe('');
    expect(inside.kernel).toMatch(
      /^\/proc\/acpi:\n*\/sys\/firmware:\n*0$|^\/sys\/firmware:\n*\/proc\/acpi:\n*0$/,
    );
    const mounts = parseMountInfo(inside.mounts);
    const options = ['ro', 'nosuid', 'nodev', 'noexec', 'relatime'];
    expect(mountAt(mounts, '/hidden')).toMatchObject({ type: 'tmpfs', options });
    expect(mountAt(mounts, '/linked').type).toBe('tmpfs');
    expect(mounts.some(({ target }) => target.includes('absent'))).toBe(false);
  });

  it('readonlyPaths can be read and not written, with what is mounted below', async () => {
    const volume = lab.directory();
    mkdirSync(join(volume, 'below'));
    lab.mount(join(volume, 'below'), '-t', 'tmpfs', 'below');
    program('chmod', ['-R', '777', volume]);
    const inside = await lab.inspect(
      {
        file: 'cat /etc/file; (echo x > /etc/file)',
        other: 'echo x > /etc/other && echo written',
        below: 'touch /mnt/a; touch /mnt/below/b',
        kernel: '(echo x > /proc/sys/kernel/hostname); (echo 1 > /proc/irq/default_smp_affinity)',
        mounts: MOUNTS,
      },
      (spec, bundle) => {
        writeFileSync(join(bundle.rootfs, 'etc/file'), 'content\n');
        spec.root = { path: 'rootfs' };
        spec.mounts?.push({ destination: '/mnt', source: volume, options: ['rbind', 'nodev'] });
        linuxOf(spec).readonlyPaths?.push('/etc/file', '/mnt', '/absent', '/etc/passwd/absent');
        change(spec, bundle);
      },
    );
    expect(inside.file).toMatch(/^content\n.*Read-only file system$/);
    expect(inside.other).toBe('written');
    expect(inside.below.match(/Read-only file system/g)).toHaveLength(2);
    expect(inside.kernel.match(/Read-only file system/g)).toHaveLength(2);
    const mounts = parseMountInfo(inside.mounts);
    // What the mount had before, it keeps.
    expect(mountAt(mounts, '/mnt').options).toEqual(expect.arrayContaining(['ro', 'nodev']));
    expect(mountAt(mounts, '/proc/sys').options).toContain('ro');
    expect(mounts.some(({ target }) => target.includes('absent'))).toBe(false);
  });

  it.each(['maskedPaths', 'readonlyPaths'] as const)(
    'an entry of %s that cannot be opened is an error, and not left out',
    async (field) => {
      const result = await lab.run('true', (spec, bundle) => {
        symlinkSync('loop', join(bundle.rootfs, 'loop'));
        linuxOf(spec)[field] = ['/absent', '/loop'];
        change(spec, bundle);
      });
      expect(result).toMatchObject({ status: 1, stdout: '' });
      expect(result.stderr).toMatch(
        new RegExp(
          `^tsrun: /linux/${field}/1: cannot .*/loop.*: too many levels of symbolic links\\n$`,
        ),
      );
    },
  );

  it('readonlyPaths of the root file system are so with what is mounted below', async () => {
    const inside = await lab.inspect(
      { own: 'touch /dir/a', below: 'touch /dir/below/b', mounts: MOUNTS },
      (spec, bundle) => {
        mkdirSync(join(bundle.rootfs, 'dir/below'), { recursive: true });
        spec.root = { path: 'rootfs' };
        spec.mounts?.push({ destination: '/dir/below', type: 'tmpfs', source: 'tmpfs' });
        linuxOf(spec).readonlyPaths?.push('/dir');
        change(spec, bundle);
      },
    );
    expect(inside.own).toContain('Read-only file system');
    expect(inside.below).toContain('Read-only file system');
  });

  it.each([
    ['/proc', '(echo 0 > /proc/self/oom_score_adj)'],
    ['/sys', 'touch /sys/x'],
    ['/', 'touch /x'],
  ])('are not covered by a readonlyPath that leads to %s', async (to, write) => {
    // A mount on the root itself is above it: /.. leads there.
    const inside = await lab.inspect(
      {
        files: 'cat /proc/keys /proc/timer_list /../proc/keys /../proc/timer_list | wc -c',
        directories: 'ls -A /sys/firmware /../sys/firmware | grep -v :',
        write,
      },
      (spec, bundle) => {
        symlinkSync(to, join(bundle.rootfs, 'link'));
        spec.root = { path: 'rootfs' };
        linuxOf(spec).readonlyPaths?.push('/link');
        change(spec, bundle);
      },
    );
    expect(inside.files).toBe('0');
    expect(inside.directories).toBe('');
    expect(inside.write).toMatch(/Read-only file system$/);
  });
});

describe('hidden paths', () => {
  it('take a mount namespace', async () => {
    const result = await lab.run('true', (spec) => {
      spec.mounts = [];
      spec.root = { path: 'rootfs' };
      dropNamespace(spec, 'mount');
    });
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/\/linux\/(masked|readonly)Paths/);
  });
});

describe('linux.sysctl', () => {
  const SYSCTLS = {
    'kernel.msgmax': '4321',
    'kernel.shm_rmid_forced': '1',
    'kernel.sem': '300 33000 600 200',
    'fs.mqueue.msg_max': '17',
    'net.ipv4.ip_forward': '1',
    'net/ipv4/ping_group_range': '7 9',
  };
  // The kernel gives these to the root of the machine alone.
  const UTS = { 'kernel.domainname': 'a.domain' };

  it.each<[string, Change, Record<string, string>]>([
    ['', () => undefined, { ...SYSCTLS, ...UTS }],
    [' in a user namespace', inUserNamespace, SYSCTLS],
  ])('is set in the container’s namespaces%s, and not on the host', async (_, change, sysctl) => {
    const files = Object.keys(sysctl).map((name) => `/proc/sys/${name.replaceAll('.', '/')}`);
    const host = (): string[] => files.map((file) => readFileSync(file, 'utf8'));
    const before = host();
    const inside = await lab.inspect(
      { all: `cat ${files.join(' ')} | tr '\\t' ' '` },
      (spec, bundle) => {
        linuxOf(spec).sysctl = sysctl;
        change(spec, bundle);
      },
    );
    expect(inside.all.split('\n')).toEqual(Object.values(sysctl));
    expect(host()).toEqual(before);
  });

  it('is set in a namespace that is joined', async () => {
    const holder = await lab.holder(['--net', '--ipc']);
    const before = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8');
    const value = before === '1\n' ? '0' : '1';
    await lab.inspect({ nothing: 'true' }, (spec) => {
      setNamespace(spec, 'network', `/proc/${String(holder)}/ns/net`);
      linuxOf(spec).sysctl = { 'net.ipv4.ip_forward': value };
    });
    const read = ['--net', '-t', String(holder), 'cat', '/proc/sys/net/ipv4/ip_forward'];
    expect(program('nsenter', read)).toBe(`${value}\n`);
    expect(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8')).toBe(before);
  });

  it.each<[string, string, string, Change, RegExp]>([
    ['a bad value', 'kernel.msgmax', 'many', () => undefined, /invalid argument/],
    ['one that is not there', 'net.no.such', '1', () => undefined, /no such file or directory/],
    ['one of the whole system', 'kernel.panic', '1', () => undefined, /kernel\.panic|namespace/],
    ['one out of the tree', 'net.ipv4/../../kernel/panic', '1', () => undefined, /sysctl/],
    [
      'one of a namespace that is the host’s',
      'net.ipv4.ip_forward',
      '1',
      (spec) => {
        dropNamespace(spec, 'network');
        spec.mounts = spec.mounts?.filter(({ type }) => type !== 'sysfs') ?? [];
      },
      /network namespace/,
    ],
    [
      'one of a path to the host’s',
      'net.ipv4.ip_forward',
      '1',
      (spec) => {
        setNamespace(spec, 'network', '/proc/self/ns/net');
      },
      /network namespace/,
    ],
  ])('is refused for %s', async (_, name, value, change, message) => {
    const result = await lab.run('true', (spec, bundle) => {
      change(spec, bundle);
      linuxOf(spec).sysctl = { [name]: value };
    });
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/\/linux\/sysctl\//);
    expect(result.stderr).toMatch(message);
  });
});

describe('linux.personality', () => {
  it.each([
    ['LINUX32', 'i686', '00000008'],
    ['LINUX', 'x86_64', '00000000'],
    [undefined, 'x86_64', '00000000'],
  ] as const)('%s', async (domain, machine, persona) => {
    const inside = await lab.inspect(
      { machine: 'uname -m', persona: 'cat /proc/self/personality' },
      (spec) => {
        grant(spec, 'CAP_SYS_PTRACE');
        if (domain !== undefined) linuxOf(spec).personality = { domain };
      },
    );
    expect(inside).toEqual({ machine, persona });
  });
});
