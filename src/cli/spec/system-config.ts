/** `spec --system`: a container that boots an init system and holds a whole Debian or the like. */

import { CAPABILITIES } from '../../plan/capabilities.js';
import type { Mount } from '../../spec/types.js';
import { defaultConfig } from './default-config.js';
import type { Config } from './default-config.js';

/**
 * Without a user namespace these reach the host: its clock, its modules, its
 * hardware, its security policy, its log, its power.
 */
const HOST_CAPABILITIES: readonly string[] = [
  'CAP_AUDIT_CONTROL',
  'CAP_AUDIT_READ',
  'CAP_BLOCK_SUSPEND',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
  'CAP_MAC_ADMIN',
  'CAP_MAC_OVERRIDE',
  'CAP_PERFMON',
  'CAP_SYSLOG',
  'CAP_SYS_BOOT',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_TIME',
  'CAP_WAKE_ALARM',
];

/**
 * Those of them that mean something in a user namespace: over its own processes and
 * policy. The others only have an init system try what the kernel then refuses,
 * such as loading modules (ConditionCapability in the units of systemd).
 */
const OWN_CAPABILITIES: readonly string[] = [
  'CAP_CHECKPOINT_RESTORE',
  'CAP_MAC_ADMIN',
  'CAP_MAC_OVERRIDE',
  'CAP_SYS_BOOT',
];

/** What an init system expects to be there and empty when it starts. */
const TMPFS: readonly Mount[] = [
  tmpfs('/run', ['nosuid', 'nodev', 'mode=755', 'size=20%']),
  tmpfs('/run/lock', ['nosuid', 'nodev', 'noexec', 'mode=1777', 'size=5m']),
  tmpfs('/tmp', ['nosuid', 'nodev', 'mode=1777', 'size=50%']),
];

/**
 * @param cgroupNamespace whether the host has cgroup v2 at all
 * @param userNamespace whether the container has one
 */
export function systemConfig(cgroupNamespace: boolean, userNamespace: boolean): Config {
  const base = defaultConfig(cgroupNamespace);
  const { rlimits: _inherited, ...process } = base.process;
  const capabilities = CAPABILITIES.filter(
    (name) =>
      !HOST_CAPABILITIES.includes(name) || (userNamespace && OWN_CAPABILITIES.includes(name)),
  );
  return {
    ...base,
    process: {
      ...process,
      terminal: false,
      args: ['/sbin/init'],
      // systemd looks for this name (container interface of systemd).
      env: [...process.env, 'container=oci'],
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      },
      // Programs of a whole system gain privileges by execve: su, ping, sudo.
      noNewPrivileges: false,
    },
    root: { ...base.root, readonly: false },
    mounts: [...base.mounts.map(writableCgroup), ...TMPFS],
  };
}

/** The init system makes groups of its own below that of the container. */
function writableCgroup(mount: Mount): Mount {
  if (mount.type !== 'cgroup') return mount;
  return {
    ...mount,
    options: (mount.options ?? []).map((option) => (option === 'ro' ? 'rw' : option)),
  };
}

function tmpfs(destination: string, options: string[]): Mount {
  return { destination, type: 'tmpfs', source: 'tmpfs', options };
}
