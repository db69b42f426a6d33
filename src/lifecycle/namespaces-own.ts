/**
 * Namespaces of the container that are the runtime's own: not listed, or
 * listed with a path that leads to the very namespace that the runtime is in.
 */

import { isAbsent } from '../native/look.js';
import { isSameFile } from '../native/same-file.js';
import type { Native, Stat } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { NAMESPACE_FLAG } from '../namespaces/namespaces.js';
import { pointerToken } from '../spec/problem.js';
import { sysctlNamespace } from '../spec/sysctl.js';
import type { LinuxNamespaceType, Spec } from '../spec/types.js';

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

/**
 * CLONE_NEW* of the listed namespaces whose path leads to the runtime's own.
 *
 * @throws TsrunError ERR_SYSTEM when that cannot be looked up: in one taken for the container's, a sysctl
 *   would be the host's
 */
export function ownNamespaces(native: Native, spec: Spec): number {
  let own = 0;
  (spec.linux?.namespaces ?? []).forEach(({ type, path }, index) => {
    if (path === undefined || path === '') return;
    const pointer = `/linux/namespaces/${index}`;
    const there = statIfThere(native, path, pointer);
    // A path that is not there is the error of whoever opens it.
    if (there === undefined) return;
    const mine = statIfThere(native, `/proc/self/ns/${NAMESPACE_FILE[type]}`, pointer);
    if (mine !== undefined && isSameFile(there, mine)) own |= NAMESPACE_FLAG[type];
  });
  return own;
}

function statIfThere(native: Native, path: string, pointer: string): Stat | undefined {
  const stat = native.stat(path);
  if (typeof stat !== 'number') return stat;
  if (isAbsent(stat)) return undefined;
  throw new TsrunError(
    'ERR_SYSTEM',
    `${pointer}: cannot look at namespace ${path}: ${native.strerror(-stat)}`,
    { errno: -stat, pointer },
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
