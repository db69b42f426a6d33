/** How the process of an `exec` comes into the container's cgroup, or one below. */

import type { Native, SpawnRequest } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isMemoryLimited } from '../cgroups/limits/memory.js';
import { moveInto } from '../cgroups/manager.js';
import { cgroupOf, findUnifiedHierarchy } from '../cgroups/mount.js';
import { EACCES, EBUSY, EPERM, O_CLOEXEC, O_RDONLY } from '../native/constants.js';
import { syncStep } from '../plan/process.js';
import { SyncPoint } from '../plan/steps.js';
import type { ContainerState } from '../state/state.js';
import { execute } from './execute.js';
import type { Child, Handlers } from './execute.js';
import type { OpenFds } from './undo.js';

export interface ExecCgroup {
  /** Absolute path of its directory. */
  path: string;
  /** The same from the container's cgroup on: `/`, `/a/b`. */
  below: string;
}

/**
 * @param below of `--cgroup`: names one below that of the container's processes, never one beside it
 * @returns undefined for a container without a cgroup
 * @throws TsrunError ERR_CGROUP
 */
export function cgroupForExec(
  state: Pick<ContainerState, 'cgroup'>,
  below = '',
): ExecCgroup | undefined {
  const inside = below.split('/').filter((name) => name !== '' && name !== '.');
  if (state.cgroup === null) {
    if (inside.length === 0) return undefined;
    throw new TsrunError(
      'ERR_CGROUP',
      `cannot exec in cgroup ${below}: the container has no cgroup of its own`,
    );
  }
  if (inside.includes('..')) {
    throw new TsrunError('ERR_CGROUP', `cannot exec in cgroup ${below}: ".." is not allowed`);
  }
  const { subgroup } = state.cgroup;
  const names = subgroup === undefined ? inside : [subgroup, ...inside];
  return { path: [state.cgroup.path, ...names].join('/'), below: `/${names.join('/')}` };
}

/**
 * execute() of a process that is born in the cgroup where that does no harm
 * and is possible; else it enters it as the helper's first step.
 */
export async function executeInCgroup(
  native: Native,
  request: SpawnRequest,
  answers: Handlers,
  state: Pick<ContainerState, 'pid' | 'scope'>,
  cgroup: ExecCgroup | undefined,
  fds: OpenFds,
): Promise<Child> {
  if (cgroup === undefined) return execute(native, request, answers);
  const fd = native.open(cgroup.path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    throw new TsrunError(
      'ERR_CGROUP',
      `cannot open cgroup ${cgroup.path}: ${native.strerror(-fd)}`,
      { errno: -fd },
    );
  }
  fds.add(fd);
  const root = findUnifiedHierarchy(native)?.root;
  // Until it is the helper, the new process has the memory of this one. If the container has used
  // up its own meanwhile, the kernel takes the process for the largest in there, and kills both.
  // Below the container's cgroup, the limit may be the container's to set between two calls of ours.
  if (cgroup.below === '/' && !isMemoryLimited(native, root, cgroup.path)) {
    const spawned = native.spawn({ ...request, cgroupFd: fd });
    const refused = spawned === -EACCES || spawned === -EPERM;
    // Only of the clone: an EBUSY of a step is that step's failure.
    if (spawned !== -EBUSY && !(refused && state.scope !== undefined)) {
      return execute(native, request, answers, spawned);
    }
  }
  return execute(
    native,
    { ...request, steps: [syncStep('cgroup'), ...request.steps] },
    {
      ...answers,
      sync: {
        ...answers.sync,
        [SyncPoint.cgroup]: ({ pid }) => enter(native, state, cgroup, root, pid),
      },
      trace: (times) => answers.trace?.(times.slice(1)),
    },
  );
}

async function enter(
  native: Native,
  { scope, pid: init }: Pick<ContainerState, 'pid' | 'scope'>,
  { path, below }: ExecCgroup,
  root: string | undefined,
  pid: number,
): Promise<void> {
  try {
    moveInto(native, { path }, pid);
  } catch (error) {
    const errno = error instanceof TsrunError ? error.errno : undefined;
    if (errno === EBUSY && root !== undefined) {
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
