/** How the process of an `exec` comes into the container's cgroup, or one below. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { controllersBelow } from '../cgroups/limits/enable.js';
import { isMemoryLimited } from '../cgroups/limits/memory.js';
import { mayMove, moveInto } from '../cgroups/manager.js';
import { cgroupOf, findUnifiedHierarchy } from '../cgroups/mount.js';
import { EACCES, EBUSY, EPERM, O_CLOEXEC, O_RDONLY } from '../native/constants.js';
import type { ContainerState } from '../state/state.js';
import { isPrivileged } from './caller.js';
import type { Caller } from './caller.js';
import type { OpenFds } from './undo.js';

export interface ExecCgroup {
  /** Mount point of the hierarchy. */
  root: string;
  /** Absolute path of its directory. */
  path: string;
  /** The same from the container's cgroup on: `/`, `/a/b`. */
  below: string;
  /** Its directory, for CLONE_INTO_CGROUP. */
  fd: number;
}

/**
 * @param below of `--cgroup`: names one below that of the container's processes, never one beside it
 * @param fds owns the descriptor
 * @returns undefined for a container without a cgroup
 * @throws TsrunError ERR_CGROUP
 */
export function findExecCgroup(
  native: Native,
  state: Pick<ContainerState, 'cgroup'>,
  fds: OpenFds,
  below = '',
): ExecCgroup | undefined {
  const place = placeOf(state, below);
  if (place === undefined) return undefined;
  const fd = native.open(place.path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    throw new TsrunError(
      'ERR_CGROUP',
      `cannot open cgroup ${place.path}: ${native.strerror(-fd)}`,
      { errno: -fd },
    );
  }
  fds.add(fd);
  return { ...place, root: findUnifiedHierarchy(native)?.root ?? '', fd };
}

function placeOf(
  { cgroup }: Pick<ContainerState, 'cgroup'>,
  below: string,
): Pick<ExecCgroup, 'path' | 'below'> | undefined {
  const inside = below.split('/').filter((name) => name !== '' && name !== '.');
  if (cgroup === null) {
    if (inside.length === 0) return undefined;
    throw new TsrunError(
      'ERR_CGROUP',
      `cannot exec in cgroup ${below}: the container has no cgroup of its own`,
    );
  }
  if (inside.includes('..')) {
    throw new TsrunError('ERR_CGROUP', `cannot exec in cgroup ${below}: ".." is not allowed`);
  }
  const names = cgroup.subgroup === undefined ? inside : [cgroup.subgroup, ...inside];
  return { path: [cgroup.path, ...names].join('/'), below: `/${names.join('/')}` };
}

/**
 * Whether a process can be born in it, and that does no harm. It may change at any time: to be asked
 * right before the process is made.
 *
 * @throws TsrunError ERR_CGROUP when that cannot be found out
 */
export function canBeBornIn(
  native: Native,
  { scope }: Pick<ContainerState, 'scope'>,
  caller: Caller,
  { root, path, below }: ExecCgroup,
): boolean {
  // Until it is the helper, the new process has the memory of this one. If the container has used
  // up its own meanwhile, the kernel takes the process for the largest in there, and kills both.
  // Below the container's cgroup, the limit may be the container's to set between two calls of ours.
  if (below !== '/' || isMemoryLimited(native, root, path)) return false;
  // Only without any is a process always allowed (cgroups(7), "no internal processes" rule).
  if (controllersBelow(native, path).length > 0) return false;
  return scope === undefined || isPrivileged(caller) || mayMove(native, root, path);
}

/**
 * Moves the process there from the cgroup of the caller.
 *
 * @throws TsrunError ERR_CGROUP
 */
export async function moveForExec(
  native: Native,
  { scope, pid: init }: Pick<ContainerState, 'pid' | 'scope'>,
  { root, path, below }: ExecCgroup,
  pid: number,
): Promise<void> {
  try {
    moveInto(native, { path }, pid);
  } catch (error) {
    const errno = error instanceof TsrunError ? error.errno : undefined;
    if (errno === EBUSY) {
      // It takes no process when an init system inside has put its own into cgroups below
      // (cgroups(7), "no internal processes" rule): then the new one goes where that is.
      const own = root + (cgroupOf(native, init) ?? '');
      // That process may have been moved out: a cgroup with other limits, or with none.
      if (!own.startsWith(`${path}/`)) throw error;
      moveInto(native, { path: own }, pid);
    } else if ((errno === EACCES || errno === EPERM) && scope !== undefined) {
      // A user may not move a process out of a session, or another unit of the system's, into one
      // of its own (cgroups(7), "Delegation"); systemd may.
      const { attachToScope } = await import('../cgroups/systemd/scope.js');
      await attachToScope(native, scope, below, pid);
    } else {
      throw error;
    }
  }
}
