/** Bundles for tests: busybox as the root file system, runc's default configuration. */

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { stringifyJson } from '../../src/spec/json.js';
import type { LinuxNamespace, Mount, Spec } from '../../src/spec/types.js';

const APPLETS = [
  'sh cat ls id echo true false sleep env mount umount hostname ps kill stat readlink touch mkdir rm',
  'grep head tail tr wc cut sort dd df ip nproc date printf test chmod chown mknod sed awk tty stty',
  'taskset ionice nice nc unshare setsid sync uname pwd seq find du ln mkfifo nohup expr dmesg',
]
  .join(' ')
  .split(' ');

export interface Bundle {
  path: string;
  rootfs: string;
  spec: Spec;
  /** Writes `spec` to config.json again. */
  write(): void;
  remove(): void;
}

const MOUNTS: Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  {
    destination: '/dev/mqueue',
    type: 'mqueue',
    source: 'mqueue',
    options: ['nosuid', 'noexec', 'nodev'],
  },
  {
    destination: '/sys',
    type: 'sysfs',
    source: 'sysfs',
    options: ['nosuid', 'noexec', 'nodev', 'ro'],
  },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
];

const NAMESPACES: LinuxNamespace[] = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'].map(
  (type) => ({ type }) as LinuxNamespace,
);

/** A fresh default configuration that runs `sh -c script`. */
export function defaultSpec(script: string): Spec {
  const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];
  return structuredClone({
    ociVersion: '1.3.0',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['sh', '-c', script],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'tsrun-test',
    mounts: MOUNTS,
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: NAMESPACES,
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  } satisfies Spec);
}

/** A root file system of busybox alone. */
export function makeRootfs(path: string): void {
  for (const directory of ['bin', 'dev', 'etc', 'home', 'mnt', 'proc', 'root', 'sys', 'tmp']) {
    mkdirSync(join(path, directory), { recursive: true });
  }
  copyFileSync('/bin/busybox', join(path, 'bin/busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(path, 'bin', applet));
  writeFileSync(
    join(path, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n',
  );
  writeFileSync(join(path, 'etc/group'), 'root:x:0:\nuser:x:1000:\nextra:x:2000:user\n');
}

/** A bundle below the temporary directory; `change` edits the configuration before it is written. */
export function makeBundle(script: string, change: (spec: Spec) => void = () => undefined): Bundle {
  const path = mkdtempSync(join(tmpdir(), 'tsrun-bundle-'));
  const rootfs = join(path, 'rootfs');
  makeRootfs(rootfs);
  const spec = defaultSpec(script);
  change(spec);
  const bundle: Bundle = {
    path,
    rootfs,
    spec,
    write: () => {
      writeFileSync(join(path, 'config.json'), stringifyJson(spec, 2));
    },
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
  bundle.write();
  return bundle;
}
