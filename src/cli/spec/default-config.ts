/** What `spec` writes: a container with a shell, to be edited. */

import type { Linux, Mount, Process, Root, Spec } from '../../spec/types.js';
import { SPEC_VERSION } from '../../version.js';
import type { IdMappings } from './userns.js';

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

/** A configuration in which everything is there that `spec` changes. */
export interface Config extends Spec {
  process: Process & Required<Pick<Process, 'env' | 'capabilities'>>;
  root: Root;
  mounts: Mount[];
  linux: Linux & Required<Pick<Linux, 'namespaces'>>;
}

/** @param cgroupNamespace whether the host has nothing but cgroup v2, where a namespace of it is of use */
export function defaultConfig(cgroupNamespace: boolean): Config {
  return {
    ociVersion: SPEC_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: {
        bounding: [...CAPABILITIES],
        effective: [...CAPABILITIES],
        permitted: [...CAPABILITIES],
      },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'tsrun',
    mounts: [
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
    ],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: [
        { type: 'pid' },
        { type: 'network' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        ...(cgroupNamespace ? [{ type: 'cgroup' } as const] : []),
      ],
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/**
 * The same for a caller without privileges. Where the caller is the only one
 * inside, nothing may ask for another id.
 */
export function forRootless(config: Config, mappings: IdMappings): Config {
  const { namespaces, resources: _resources, ...linux } = config.linux;
  const alone = mappings.gidMappings.every(({ size }) => size === 1);
  return {
    ...config,
    mounts: alone ? config.mounts.map(withoutIds) : config.mounts,
    linux: {
      ...mappings,
      namespaces: [...namespaces, { type: 'user' }],
      ...linux,
    },
  };
}

/** Only the owner of a network namespace may mount a sysfs that shows it: that of the host instead. */
export function withHostSysfs(mount: Mount): Mount {
  if (mount.type !== 'sysfs') return mount;
  return {
    destination: mount.destination,
    type: 'none',
    source: '/sys',
    options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
  };
}

function withoutIds(mount: Mount): Mount {
  const options = mount.options?.filter((option) => !/^[ug]id=/.test(option));
  return options === undefined ? mount : { ...mount, options };
}
