/**
 * Configurations as managers of containers write them: what each begins with, and what its options change.
 * Made from their documentation and from what they write on this machine; none is a copy of a test of theirs.
 */

import { defaultProfile } from '../../src/seccomp/default-profile.js';
import type {
  LinuxDeviceCgroup,
  LinuxNamespace,
  Mount,
  Process,
  Spec,
} from '../../src/spec/types.js';

/** A configuration, and how it is run. */
export interface ManagerConfig {
  name: string;
  spec: Spec;
  /** By an ordinary user, who is root inside. */
  rootless?: true;
  /** Shell, in the bundle; `$call` is the runtime. Without it the container is run in the foreground. */
  command?: string;
  /** The process.json of an exec, beside the config.json. */
  document?: Process;
}

type Namespace = LinuxNamespace['type'];

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What docker, containerd, podman and CRI-O grant but for what each of them leaves out. */
export const GRANTED = [
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL',
  'AUDIT_WRITE',
]
  .join(' ')
  .split(' ')
  .map((name) => `CAP_${name}`);

export const ALL = [
  ...GRANTED,
  ...'SYS_ADMIN SYS_PTRACE NET_ADMIN DAC_READ_SEARCH IPC_LOCK SYS_NICE SYSLOG SYS_TIME SYS_BOOT'
    .split(' ')
    .map((name) => `CAP_${name}`),
];

const MASKED = [
  ...['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats'],
  ...['/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi'],
  ...['/sys/firmware', '/sys/devices/virtual/powercap'],
];

const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const DEVICE_RULES: LinuxDeviceCgroup[] = [
  { allow: false, access: 'rwm' },
  ...[
    [1, 5],
    [1, 3],
    [1, 9],
    [1, 8],
    [5, 0],
    [5, 1],
  ].map(([major = 0, minor = 0]) => ({
    ...{ allow: true, type: 'c' as const, major, minor, access: 'rwm' },
  })),
];

const PROC: Mount = {
  destination: '/proc',
  type: 'proc',
  source: 'proc',
  options: ['nosuid', 'noexec', 'nodev'],
};

function tmpfs(destination: string, ...options: string[]): Mount {
  return { destination, type: 'tmpfs', source: 'tmpfs', options };
}

function sysfs(...options: string[]): Mount {
  return { destination: '/sys', type: 'sysfs', source: 'sysfs', options };
}

function cgroup(...options: string[]): Mount {
  return { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options };
}

const DEV = tmpfs('/dev', 'nosuid', 'strictatime', 'mode=755', 'size=65536k');

const PTS: Mount = {
  destination: '/dev/pts',
  type: 'devpts',
  source: 'devpts',
  options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
};

const SHM: Mount = {
  destination: '/dev/shm',
  type: 'tmpfs',
  source: 'shm',
  options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=67108864'],
};

const MQUEUE: Mount = {
  destination: '/dev/mqueue',
  type: 'mqueue',
  source: 'mqueue',
  options: ['nosuid', 'noexec', 'nodev'],
};

/** Of the host, with files that there are in every place (`beside-peers.test.ts`). */
function bind(source: string, destination: string, ...options: string[]): Mount {
  return { destination, type: 'bind', source, options: ['rbind', ...options] };
}

export function sets(
  names: readonly string[],
  ambient = false,
): NonNullable<Process['capabilities']> {
  const list = [...names];
  const base = { bounding: list, effective: list, permitted: list };
  return ambient ? { ...base, inheritable: list, ambient: list } : base;
}

interface Manager {
  mounts: Mount[];
  namespaces: Namespace[];
  process?: Partial<Process>;
  more?: Partial<Spec>;
  readonly?: boolean;
  devices?: LinuxDeviceCgroup[];
}

const COMMON: Namespace[] = ['mount', 'network', 'uts', 'pid', 'ipc'];

const MANAGERS = {
  docker: {
    mounts: [
      ...[PROC, DEV, PTS, sysfs('nosuid', 'noexec', 'nodev', 'ro')],
      ...[cgroup('ro', 'nosuid', 'noexec', 'nodev'), MQUEUE, SHM],
      bind('/run/host/resolv.conf', '/etc/resolv.conf', 'rprivate'),
      bind('/run/host/hostname', '/etc/hostname', 'rprivate'),
      bind('/run/host/hosts', '/etc/hosts', 'rprivate'),
    ],
    namespaces: [...COMMON, 'cgroup'],
    process: { env: [PATH, 'HOSTNAME=c0ffee'], oomScoreAdj: 0 },
  },
  'containerd CRI': {
    mounts: [
      ...[PROC, DEV, PTS, MQUEUE, sysfs('nosuid', 'noexec', 'nodev', 'ro')],
      cgroup('nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
      bind('/run/host/hosts', '/etc/hosts', 'rprivate', 'rw'),
      bind('/run/host/hosts', '/dev/termination-log', 'rprivate', 'rw'),
      bind('/run/host/hostname', '/etc/hostname', 'rprivate', 'rw'),
      bind('/run/host/resolv.conf', '/etc/resolv.conf', 'rprivate', 'rw'),
      bind('/run/host/directory', '/dev/shm', 'rprivate', 'rw'),
      bind(
        '/run/host/directory',
        '/var/run/secrets/kubernetes.io/serviceaccount',
        'rprivate',
        'ro',
      ),
    ],
    namespaces: [...COMMON, 'cgroup'],
    process: {
      env: [PATH, 'HOSTNAME=pod', 'KUBERNETES_PORT=tcp://10.0.0.1:443'],
      oomScoreAdj: 1000,
    },
  },
  'ctr run': {
    mounts: [
      ...[PROC, DEV, PTS, SHM, MQUEUE, sysfs('nosuid', 'noexec', 'nodev', 'ro')],
      tmpfs('/run', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
    ],
    namespaces: COMMON,
    process: { rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }] },
  },
  podman: {
    mounts: [
      PROC,
      tmpfs('/dev', 'nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k'),
      sysfs('nosuid', 'noexec', 'nodev', 'ro'),
      ...[PTS, MQUEUE],
      { ...bind('/run/host/directory', '/dev/shm', 'rprivate', 'nosuid', 'noexec', 'nodev', 'rw') },
      bind('/run/host/hosts', '/run/.containerenv', 'rprivate', 'nosuid', 'nodev', 'noexec', 'rw'),
      bind('/run/host/hosts', '/etc/hosts', 'rprivate'),
      bind('/run/host/resolv.conf', '/etc/resolv.conf', 'rprivate'),
      cgroup('rprivate', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
    ],
    namespaces: [...COMMON, 'cgroup'],
    process: {
      env: [PATH, 'container=podman', 'HOME=/root', 'HOSTNAME=c0ffee'],
      oomScoreAdj: 0,
      rlimits: [
        { type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 },
        { type: 'RLIMIT_NPROC', hard: 1024, soft: 1024 },
      ],
      user: { uid: 0, gid: 0, umask: 0o22, additionalGids: [0] },
    },
    more: {
      annotations: {
        'io.container.manager': 'libpod',
        'org.opencontainers.image.stopSignal': '15',
      },
    },
  },
  buildah: {
    mounts: [
      ...[PROC, DEV, PTS, SHM, MQUEUE, sysfs('nosuid', 'noexec', 'nodev', 'ro')],
      cgroup('rprivate', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
      bind('/run/host/hosts', '/etc/hosts', 'rprivate'),
    ],
    namespaces: [...COMMON, 'cgroup'],
    process: { env: [PATH, 'container=oci', 'HOME=/root'] },
  },
  'CRI-O': {
    mounts: [
      PROC,
      tmpfs('/dev', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
      ...[PTS, MQUEUE, sysfs('nosuid', 'noexec', 'nodev', 'ro')],
      cgroup('nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
      bind('/run/host/directory', '/dev/shm', 'rw', 'rprivate'),
      bind('/run/host/resolv.conf', '/etc/resolv.conf', 'rw', 'nodev', 'nosuid', 'noexec'),
      bind('/run/host/hostname', '/etc/hostname', 'rw'),
      bind('/run/host/hosts', '/run/.containerenv', 'rw'),
    ],
    namespaces: [...COMMON, 'cgroup'],
    process: {
      env: [PATH, 'TERM=xterm', 'container=crio'],
      oomScoreAdj: 1000,
      user: { uid: 0, gid: 0, umask: 0o22 },
    },
    more: { hostname: 'pod' },
  },
  'system container': {
    mounts: [
      ...[PROC, DEV, PTS, SHM, MQUEUE, sysfs('nosuid', 'noexec', 'nodev', 'ro')],
      cgroup('nosuid', 'noexec', 'nodev', 'relatime', 'rw'),
      tmpfs('/run', 'nosuid', 'nodev', 'mode=755', 'size=20%'),
      tmpfs('/run/lock', 'nosuid', 'nodev', 'noexec', 'mode=1777', 'size=5m'),
      tmpfs('/tmp', 'nosuid', 'nodev', 'mode=1777', 'size=50%'),
    ],
    namespaces: [...COMMON, 'cgroup'],
    process: { env: [PATH, 'container=oci'], capabilities: sets(ALL) },
  },
} satisfies Record<string, Manager>;

export type ManagerName = keyof typeof MANAGERS;

/** Changes a configuration that has what every manager writes. */
export type SpecChange = (spec: FullSpec) => void;

export function make(manager: ManagerName, change: SpecChange): Spec {
  const { mounts, namespaces, process, more, readonly = false }: Manager = MANAGERS[manager];
  const spec = structuredClone({
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['/bin/look'],
      env: [PATH],
      cwd: '/',
      capabilities: sets(GRANTED),
      ...process,
    },
    root: { path: 'rootfs', readonly },
    hostname: 'c0ffee',
    mounts,
    annotations: {},
    linux: {
      cgroupsPath: '/managed/c0ffee',
      namespaces: namespaces.map((type) => ({ type })),
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      resources: { devices: DEVICE_RULES },
    },
    ...more,
  }) as FullSpec;
  change(spec);
  return spec;
}

/** What every configuration above has. */
type FullSpec = Spec & {
  process: Process & Required<Pick<Process, 'env' | 'user'>>;
  root: NonNullable<Spec['root']>;
  mounts: Mount[];
  linux: NonNullable<Spec['linux']> & { namespaces: LinuxNamespace[] };
};

function without(spec: FullSpec, ...types: string[]): void {
  spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => !types.includes(type));
}

/** As each container of a pod joins the namespaces of its sandbox, which there are in every place. */
function join(spec: FullSpec): void {
  const pod: readonly string[] = ['network', 'ipc', 'uts'];
  spec.linux.namespaces = spec.linux.namespaces.map(({ type }) =>
    pod.includes(type) ? { type, path: `/run/pod/${type}` } : { type },
  );
  delete spec.hostname;
}

function privileged(spec: FullSpec): void {
  spec.process.capabilities = sets(ALL);
  spec.linux.maskedPaths = [];
  spec.linux.readonlyPaths = [];
  spec.linux.resources = { devices: [{ allow: true, access: 'rwm' }] };
  for (const mount of spec.mounts) {
    if (mount.type !== 'sysfs' && mount.type !== 'cgroup') continue;
    mount.options = mount.options?.map((option) => (option === 'ro' ? 'rw' : option)) ?? [];
  }
}

export function mapped(spec: FullSpec): void {
  spec.linux.namespaces.push({ type: 'user' });
  spec.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  spec.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
}

/** As runc's `spec --rootless`: a single id, and no network. */
export function rootless(spec: FullSpec): void {
  spec.linux.namespaces.push({ type: 'user' });
  spec.linux.uidMappings = [{ containerID: 0, hostID: 34_567, size: 1 }];
  spec.linux.gidMappings = [{ containerID: 0, hostID: 34_567, size: 1 }];
  delete spec.linux.resources;
  delete spec.linux.cgroupsPath;
  delete spec.process.oomScoreAdj;
  delete spec.process.user.additionalGids;
  spec.mounts = spec.mounts.map((mount) =>
    mount.type === 'devpts'
      ? { ...mount, options: (mount.options ?? []).filter((option) => !option.startsWith('gid=')) }
      : mount,
  );
}

const CHANGES: Record<ManagerName, Record<string, SpecChange>> = {
  docker: {
    'as it is': () => undefined,
    '--user 1000:1000': ({ process }) =>
      (process.user = { uid: 1000, gid: 1000, additionalGids: [1000] }),
    '--group-add': ({ process }) => (process.user.additionalGids = [10, 2000, 3000]),
    '--privileged': privileged,
    '--read-only --tmpfs': (spec) => {
      spec.root.readonly = true;
      spec.mounts.push(tmpfs('/run', 'noexec', 'nosuid', 'nodev', 'size=65536k'));
    },
    '-v': ({ mounts }) => {
      mounts.push(bind('/run/host/directory', '/data/a', 'rprivate'));
      mounts.push(bind('/run/host/directory', '/data/b', 'ro', 'rprivate'));
      mounts.push(bind('/run/host/directory', '/data/c', 'rslave'));
      mounts.push(bind('/run/host/hosts', '/data/file', 'ro', 'rprivate'));
    },
    '-v with bind-propagation=rshared': (spec) => {
      spec.linux.rootfsPropagation = 'shared';
      spec.mounts.push(bind('/run/host/directory', '/data', 'rshared'));
    },
    '--network host': (spec) => {
      without(spec, 'network');
    },
    '--pid host --ipc host --uts host': (spec) => {
      without(spec, 'pid', 'ipc', 'uts');
      delete spec.hostname;
    },
    '--cap-drop ALL': ({ process }) => (process.capabilities = sets([])),
    '--cap-add with a user': ({ process }) => {
      process.capabilities = sets(['CAP_NET_BIND_SERVICE'], true);
      process.user = { uid: 1000, gid: 1000 };
    },
    'no-new-privileges': ({ process }) => (process.noNewPrivileges = true),
    'its seccomp profile': (spec) => {
      spec.linux.seccomp = defaultProfile('x86_64', new Set(GRANTED));
    },
    'its seccomp profile, no-new-privileges': (spec) => {
      spec.linux.seccomp = defaultProfile('x86_64', new Set(GRANTED));
      spec.process.noNewPrivileges = true;
    },
    '--ulimit': ({ process }) =>
      (process.rlimits = [
        { type: 'RLIMIT_NOFILE', hard: 512, soft: 256 },
        { type: 'RLIMIT_CORE', hard: 0, soft: 0 },
        { type: 'RLIMIT_STACK', hard: 8_388_608, soft: 4_194_304 },
      ]),
    '--oom-score-adj': ({ process }) => (process.oomScoreAdj = 500),
    '--workdir that is not there': ({ process }) => (process.cwd = '/srv/app'),
    '--workdir that is not there, with a user': ({ process }) => {
      process.cwd = '/srv/app';
      process.user = { uid: 1000, gid: 1000 };
    },
    '--device': (spec) => {
      const device = { type: 'c' as const, major: 10, minor: 229 };
      spec.linux.devices = [{ ...device, path: '/dev/fuse', fileMode: 0o666, uid: 0, gid: 0 }];
      spec.linux.resources?.devices?.push({ ...device, allow: true, access: 'rwm' });
    },
    '--sysctl': (spec) =>
      (spec.linux.sysctl = {
        'net.ipv4.ip_unprivileged_port_start': '0',
        'net.ipv4.ping_group_range': '0 2147483647',
        'kernel.shm_rmid_forced': '1',
        'fs.mqueue.msg_max': '20',
      }),
    '--cgroupns host': (spec) => {
      without(spec, 'cgroup');
    },
    '--domainname': (spec) => (spec.domainname = 'example.org'),
    'userns-remap': mapped,
    'userns-remap with --user': (spec) => {
      mapped(spec);
      spec.process.user = { uid: 1000, gid: 1000, additionalGids: [7] };
    },
    '--security-opt systempaths=unconfined': (spec) => {
      spec.linux.maskedPaths = [];
      spec.linux.readonlyPaths = [];
    },
  },
  'containerd CRI': {
    'as it is': () => undefined,
    'a pod sandbox': (spec) => {
      spec.process.user = { uid: 65_535, gid: 65_535 };
      spec.process.oomScoreAdj = 2;
      spec.process.noNewPrivileges = true;
      spec.root.readonly = true;
    },
    'securityContext of a restricted pod': (spec) => {
      spec.process.user = { uid: 1000, gid: 3000, additionalGids: [2000] };
      spec.process.capabilities = sets([]);
      spec.process.noNewPrivileges = true;
      spec.linux.seccomp = defaultProfile('x86_64', new Set());
      spec.root.readonly = true;
    },
    hostNetwork: (spec) => {
      without(spec, 'network', 'uts');
      delete spec.hostname;
    },
    privileged,
    'a container of a pod': join,
    'a container of a pod, privileged': (spec) => {
      join(spec);
      privileged(spec);
    },
    shareProcessNamespace: (spec) => {
      without(spec, 'pid');
    },
    'mountPropagation Bidirectional': (spec) => {
      spec.linux.rootfsPropagation = 'rshared';
      spec.mounts.push(bind('/run/host/directory', '/data', 'rshared', 'rw'));
    },
    'mountPropagation HostToContainer': (spec) => {
      spec.linux.rootfsPropagation = 'rslave';
      spec.mounts.push(bind('/run/host/directory', '/data', 'rslave', 'ro'));
    },
    recursiveReadOnly: ({ mounts }) => {
      mounts.push(bind('/run/host/directory', '/data', 'rprivate', 'rro'));
    },
    'hostUsers: false': (spec) => {
      mapped(spec);
      spec.mounts = spec.mounts.filter(({ destination }) => destination !== '/dev/termination-log');
    },
  },
  'ctr run': {
    'as it is': () => undefined,
    '--read-only': (spec) => {
      spec.root.readonly = true;
    },
    '--tty is off, --user': ({ process }) => (process.user = { uid: 1000, gid: 0 }),
  },
  podman: {
    'as it is': () => undefined,
    '--umask': ({ process }) => (process.user.umask = 0o77),
    '--read-only': (spec) => {
      spec.root.readonly = true;
      for (const path of ['/run', '/tmp', '/var/tmp']) {
        spec.mounts.splice(3, 0, tmpfs(path, 'rw', 'rprivate', 'nosuid', 'nodev', 'tmpcopyup'));
      }
    },
    '--userns': mapped,
    '--privileged': privileged,
    '--personality': (spec) => (spec.linux.personality = { domain: 'LINUX32' }),
    '--systemd always': (spec) => {
      for (const path of ['/run', '/run/lock', '/tmp', '/var/log/journal']) {
        spec.mounts.push(tmpfs(path, 'rw', 'rprivate', 'nosuid', 'nodev', 'tmpcopyup'));
      }
      spec.process.env.push('container_uuid=c0ffee');
    },
    'a time namespace': (spec) => {
      spec.linux.namespaces.push({ type: 'time' });
      spec.linux.timeOffsets = { boottime: { secs: 1000 } };
    },
    '--ipc private with a sysctl': (spec) => (spec.linux.sysctl = { 'kernel.msgmax': '65536' }),
  },
  buildah: {
    'as it is': () => undefined,
    'RUN with --mount=type=tmpfs': ({ mounts }) => {
      mounts.push(tmpfs('/var/cache/apt', 'noexec', 'nosuid', 'nodev', 'tmpcopyup'));
    },
    '--network host': (spec) => {
      without(spec, 'network');
    },
  },
  'CRI-O': {
    'as it is': () => undefined,
    'a container of a pod': join,
    'a user namespace': mapped,
    privileged,
  },
  'system container': {
    'as it is': () => undefined,
    'of other ids': mapped,
  },
};

const ROOTLESS: readonly ManagerName[] = ['docker', 'podman', 'buildah'];

export const CONFIGS: readonly ManagerConfig[] = [
  ...Object.entries(CHANGES).flatMap(([manager, changes]) =>
    Object.entries(changes).map(([change, apply]) => ({
      name: `${manager}: ${change}`,
      spec: make(manager as ManagerName, apply),
    })),
  ),
  ...ROOTLESS.map((manager) => ({
    name: `${manager}: rootless`,
    spec: make(manager, rootless),
    rootless: true as const,
  })),
];
