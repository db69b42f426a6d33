/** What dockerd and containerd write when nothing special is asked for, their empty values included. */

import { expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();

const OFTEN_OPTIONS = ['nosuid', 'noexec', 'nodev'];

/** Fields that both fill in, in the way of Go programs: empty where nothing was asked for. */
function common(spec: Spec): void {
  const { process, linux } = spec;
  if (process === undefined || linux === undefined) throw new Error('no process');
  spec.annotations = {};
  Object.assign(process, {
    oomScoreAdj: 0,
    noNewPrivileges: false,
    apparmorProfile: '',
    selinuxLabel: '',
    rlimits: [],
    user: { uid: 0, gid: 0, additionalGids: [0, 10] },
  });
  linux.mountLabel = '';
  spec.mounts?.push({
    destination: '/etc/resolv.conf',
    type: 'bind',
    source: '/etc/passwd',
    options: ['rbind', 'rprivate', ''],
  });
  linux.namespaces = (['mount', 'network', 'uts', 'pid', 'ipc', 'cgroup'] as const).map((type) => ({
    type,
  }));
}

function docker(spec: Spec): void {
  common(spec);
  const hook = {
    path: '/bin/true',
    args: ['libnetwork-setkey', '-exec-root=/run/docker', 'a', 'b'],
  };
  spec.hooks = { prestart: [hook] };
  Object.assign(spec.linux ?? {}, {
    sysctl: {
      'net.ipv4.ip_unprivileged_port_start': '0',
      'net.ipv4.ping_group_range': '0 2147483647',
    },
    resources: {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
        { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
      ],
      memory: {},
      cpu: { shares: 0 },
      blockIO: { weight: 0 },
    },
    maskedPaths: ['/proc/asound', '/proc/interrupts', '/proc/kcore', '/sys/firmware'],
    readonlyPaths: ['/proc/bus', '/proc/sys', '/proc/sysrq-trigger'],
  });
}

function containerd(spec: Spec): void {
  common(spec);
  spec.mounts?.push({
    destination: '/run',
    type: 'tmpfs',
    source: 'tmpfs',
    options: [...OFTEN_OPTIONS, 'strictatime', 'mode=755', 'size=65536k'],
  });
  spec.annotations = { 'io.kubernetes.cri.container-type': 'container' };
  Object.assign(spec.linux ?? {}, {
    resources: { devices: [{ allow: false, access: 'rwm' }], unified: {} },
    maskedPaths: ['/proc/acpi', '/proc/keys', '/proc/timer_list', '/proc/scsi'],
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys'],
  });
}

test.each([
  ['docker', docker],
  ['containerd', containerd],
] as const)('a container of %s', async (_, change) => {
  const id = newId();
  const bundle = scene.bundle('echo $(cat /proc/self/oom_score_adj) $$', (spec) => {
    change(spec);
    if (spec.linux !== undefined) spec.linux.cgroupsPath = `/${id}`;
  });
  const result = await scene.runtime(['run', '--bundle', bundle.path, id]);
  expect(result).toMatchObject({ status: 0, stdout: '0 1\n', stderr: '' });
});
