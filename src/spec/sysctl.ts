import type { LinuxNamespaceType } from './types.js';

/**
 * A sysctl's name with dots between its parts. As in sysctl(8), a name may have
 * slashes in place of the dots (then its dots are part of a name, as in
 * `net/ipv4/conf/eth0.100/rp_filter`); what comes first tells which.
 */
export function sysctlName(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== '/') return name;
  return swapDotsAndSlashes(name);
}

/** The sysctl's file below /proc/sys. */
export function sysctlFile(name: string): string {
  return swapDotsAndSlashes(sysctlName(name));
}

function swapDotsAndSlashes(name: string): string {
  return name.replace(/[./]/g, (char) => (char === '.' ? '/' : '.'));
}

/** Whether the name leads to a file below /proc/sys and nowhere else. */
export function isSysctlName(name: string): boolean {
  const parts = sysctlFile(name).split('/');
  return (
    !name.includes('\0') && parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/**
 * The kind of namespace that a sysctl belongs to, or undefined when it is the
 * whole system's or no sysctl's name.
 */
export function sysctlNamespace(name: string): LinuxNamespaceType | undefined {
  // Else net/../kernel/core_pattern would pass for the network's.
  if (!isSysctlName(name)) return undefined;
  const dotted = sysctlName(name);
  if (dotted.startsWith('net.')) return 'network';
  if (dotted.startsWith('fs.mqueue.')) return 'ipc';
  switch (dotted) {
    // ipc_namespaces(7), and what criu sets in one.
    case 'kernel.msgmax':
    case 'kernel.msgmnb':
    case 'kernel.msgmni':
    case 'kernel.msg_next_id':
    case 'kernel.sem':
    case 'kernel.sem_next_id':
    case 'kernel.shmall':
    case 'kernel.shmmax':
    case 'kernel.shmmni':
    case 'kernel.shm_next_id':
    case 'kernel.shm_rmid_forced':
      return 'ipc';
    case 'kernel.hostname':
    case 'kernel.domainname':
      return 'uts';
    default:
      return undefined;
  }
}
