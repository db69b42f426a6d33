/** A configuration as `runc spec` writes it, and the facts of a host with root. */

import type { ContainerPlan, PlanFacts } from '../../../src/plan/plan.js';
import type { Operation, Step } from '../../../src/plan/steps.js';
import type { Linux, LinuxNamespace, Mount, Process, Spec } from '../../../src/spec/types.js';

export const ALL_CAPABILITIES = (1n << 41n) - 1n;

export function facts(change: Partial<PlanFacts> = {}): PlanFacts {
  return {
    id: 'c1',
    bundle: '/bundle',
    uid: 0,
    gid: 0,
    effective: ALL_CAPABILITIES,
    bounding: ALL_CAPABILITIES,
    lastCapability: 40,
    initialUserNamespace: true,
    cgroup: { root: '/sys/fs/cgroup', layout: 'unified', path: '/c1' },
    hasNsdelegate: () => true,
    delegatedFiles: () => ['cgroup.procs', 'cgroup.subtree_control'],
    noPivot: false,
    keyring: '_ses.c1',
    ownNamespaces: 0,
    listenFds: 0,
    readRootFile: () => undefined,
    ...change,
  };
}

/** An ordinary user. */
export function userFacts(change: Partial<PlanFacts> = {}): PlanFacts {
  return facts({ uid: 1000, gid: 1000, effective: 0n, ...change });
}

export const NAMESPACES: LinuxNamespace[] = [
  { type: 'pid' },
  { type: 'network' },
  { type: 'ipc' },
  { type: 'uts' },
  { type: 'mount' },
];

const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

export const DEFAULT_MOUNTS: Mount[] = [
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

export function process(change: Partial<Process> = {}): Process {
  return {
    user: { uid: 0, gid: 0 },
    args: ['sh'],
    env: ['PATH=/usr/bin:/bin', 'TERM=xterm'],
    cwd: '/',
    capabilities: {
      bounding: CAPABILITIES,
      effective: CAPABILITIES,
      permitted: CAPABILITIES,
    },
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
    ...change,
  };
}

export interface SpecChange extends Partial<Omit<Spec, 'process' | 'linux'>> {
  process?: Partial<Process>;
  linux?: Partial<Linux>;
}

export function spec({ process: changed, linux, ...change }: SpecChange = {}): Spec {
  return {
    ociVersion: '1.3.0',
    process: process(changed),
    root: { path: 'rootfs', readonly: true },
    hostname: 'runc',
    mounts: DEFAULT_MOUNTS,
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: NAMESPACES,
      maskedPaths: ['/proc/kcore', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/sys'],
      ...linux,
    },
    ...change,
  };
}

/** The operations in order, runs of the same one counted: `mount*3`. */
export function operations(plan: ContainerPlan): string[] {
  const list: string[] = [];
  let count = 0;
  plan.steps.forEach(({ op }, index) => {
    count++;
    if (plan.steps[index + 1]?.op === op) return;
    list.push(count === 1 ? op : `${op}*${count}`);
    count = 0;
  });
  return list;
}

export function stepsOf<Op extends Operation>(
  { steps }: { steps: readonly Step[] },
  op: Op,
): Extract<Step, { op: Op }>[] {
  return steps.filter((step): step is Extract<Step, { op: Op }> => step.op === op);
}

export function onlyStep<Op extends Operation>(
  plan: { steps: readonly Step[] },
  op: Op,
): Extract<Step, { op: Op }> {
  const found = stepsOf(plan, op);
  if (found.length !== 1) throw new Error(`${found.length} steps ${op}`);
  return found[0]!;
}

/** Position of the first step that matches. */
export function position(plan: ContainerPlan, op: Operation, match?: (step: Step) => boolean) {
  return plan.steps.findIndex((step) => step.op === op && (match === undefined || match(step)));
}
