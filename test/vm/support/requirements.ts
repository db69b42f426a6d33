/** What the virtual machine is made of, as scripts/setup.sh leaves it. */

import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Debian's kernel package, unpacked. */
const KERNEL = '/var/cache/tsrun/kernel';
const QEMU = '/usr/bin/qemu-system-x86_64';
const VIRTIOFSD = '/usr/libexec/virtiofsd';
const PROGRAMS = [
  QEMU,
  VIRTIOFSD,
  '/lib/systemd/systemd',
  '/usr/bin/dbus-daemon',
  '/sbin/modprobe',
];

export interface Requirements {
  qemu: string;
  virtiofsd: string;
  /** Directory that has boot/vmlinuz-VERSION and usr/lib/modules/VERSION. */
  kernel: string;
  vmlinuz: string;
}

/**
 * @param programs what else has to be there
 * @returns why there can be no virtual machine here, as text
 */
export function findRequirements(programs: readonly string[] = []): Requirements | string {
  if (process.arch !== 'x64')
    return `the virtual machine is an x86-64 one, and this is ${process.arch}`;
  if (process.getuid?.() !== 0)
    return 'needs root, to share the file system with a virtual machine';
  for (const path of [...PROGRAMS, ...programs]) {
    if (!isExecutable(path)) return `needs ${path} (scripts/setup.sh installs it)`;
  }
  const boot = join(KERNEL, 'boot');
  const name = existsSync(boot)
    ? readdirSync(boot).find((entry) => entry.startsWith('vmlinuz-'))
    : undefined;
  if (name === undefined) return `needs a kernel in ${boot} (scripts/setup.sh puts it there)`;
  return { qemu: QEMU, virtiofsd: VIRTIOFSD, kernel: KERNEL, vmlinuz: join(boot, name) };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
