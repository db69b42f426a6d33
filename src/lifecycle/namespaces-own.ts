/**
 * Namespaces of the container that are the runtime's own: not listed, or
 * listed with a path that leads to the very namespace that the runtime is in.
 */

import { O_CLOEXEC, O_PATH } from '../native/constants.js';
import { isAbsent } from '../native/look.js';
import { isSameFile } from '../native/same-file.js';
import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { NAMESPACE_FLAG } from '../namespaces/namespaces.js';
import { pointerToken } from '../spec/problem.js';
import { sysctlNamespace } from '../spec/sysctl.js';
import type { LinuxNamespaceType, Spec } from '../spec/types.js';
import type { OpenFds } from './undo.js';

/** Names in /proc/PID/ns (namespaces(7)). */
export const NAMESPACE_FILE: Readonly<Record<LinuxNamespaceType, string>> = {
  user: 'user',
  pid: 'pid',
  network: 'net',
  mount: 'mnt',
  ipc: 'ipc',
  uts: 'uts',
  cgroup: 'cgroup',
  time: 'time',
};

/** By path: O_PATH descriptors of the files that are listed, a negated errno for one that is not there. */
export type NamespaceFiles = ReadonlyMap<string, number>;

/**
 * Looks up the files of the listed namespaces, which happens once: what is joined is what was compared
 * with the runtime's own, whoever changes the path meanwhile.
 *
 * @param fds owns what is opened
 * @throws TsrunError ERR_SYSTEM when one cannot be looked up
 */
export function openNamespaceFiles(native: Native, spec: Spec, fds: OpenFds): NamespaceFiles {
  const files = new Map<string, number>();
  (spec.linux?.namespaces ?? []).forEach(({ path }, index) => {
    if (path === undefined || path === '' || files.has(path)) return;
    const fd = native.open(path, O_PATH | O_CLOEXEC, 0);
    if (fd < 0 && !isAbsent(fd)) throw cannotLookAt(native, path, fd, pointerOf(index));
    // A path that is not there is the error of whoever opens it: a plan is made without.
    files.set(path, fd < 0 ? fd : fds.add(fd));
  });
  return files;
}

/**
 * CLONE_NEW* of the listed namespaces whose path leads to the runtime's own.
 *
 * @throws TsrunError ERR_SYSTEM when that cannot be looked up: in one taken for the container's, a sysctl
 *   would be the host's
 */
export function ownNamespaces(native: Native, spec: Spec, files: NamespaceFiles): number {
  let own = 0;
  (spec.linux?.namespaces ?? []).forEach(({ type, path = '' }, index) => {
    const fd = files.get(path) ?? -1;
    if (fd < 0) return;
    const there = native.fstat(fd);
    if (typeof there === 'number') throw cannotLookAt(native, path, there, pointerOf(index));
    const file = `/proc/self/ns/${NAMESPACE_FILE[type]}`;
    const mine = native.stat(file);
    if (typeof mine !== 'number') {
      if (isSameFile(there, mine)) own |= NAMESPACE_FLAG[type];
    } else if (!isAbsent(mine)) {
      throw cannotLookAt(native, file, mine, pointerOf(index));
    }
  });
  return own;
}

const pointerOf = (index: number): string => `/linux/namespaces/${index}`;

function cannotLookAt(native: Native, path: string, error: number, pointer: string): TsrunError {
  return new TsrunError(
    'ERR_SYSTEM',
    `${pointer}: cannot look at namespace ${path}: ${native.strerror(-error)}`,
    { errno: -error, pointer },
  );
}

/**
 * Refuses a sysctl whose listed namespace is the runtime's own: setting it would
 * change the host. (One that is not listed is refused before, from config.json alone.)
 *
 * @throws TsrunError ERR_CONFIG_INVALID
 */
export function checkSysctls(spec: Spec, own: number): void {
  if (own === 0) return;
  for (const name of Object.keys(spec.linux?.sysctl ?? {})) {
    const type = sysctlNamespace(name);
    if (type === undefined || (NAMESPACE_FLAG[type] & own) === 0) continue;
    const pointer = `/linux/sysctl/${pointerToken(name)}`;
    throw new TsrunError(
      'ERR_CONFIG_INVALID',
      `${pointer}: cannot set ${name}: the container's ${type} namespace is the runtime's own`,
      { pointer },
    );
  }
}
