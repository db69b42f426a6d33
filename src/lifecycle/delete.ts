/** `delete`: undoes what create did (runtime-spec runtime.md, Lifecycle, steps 11 to 13). */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { HiddenCgroup, waitEmpty } from '../cgroups/events.js';
import { isPopulated, isThere, killAll, removeCgroup } from '../cgroups/manager.js';
import { cgroupOf, findUnifiedHierarchy } from '../cgroups/mount.js';
import { cgroupPath } from '../cgroups/path.js';
import { procs } from '../cgroups/processes.js';
import type { CgroupRecord } from '../cgroups/record.js';
import { SUBGROUP } from '../cgroups/subgroup.js';
import type { ScopeRecord } from '../cgroups/systemd/scope.js';
import { POLLIN, SIGKILL } from '../native/constants.js';
import { cannotLook, isAbsent } from '../native/look.js';
import { waitFor } from '../native/wait.js';
import { lockContainer } from '../state/lock.js';
import type { StateRoot } from '../state/root.js';
import { statusOf } from '../state/status.js';
import { salvage } from '../state/salvage.js';
import type { Salvage } from '../state/salvage.js';
import { findRemovable, loadState, notFound, removeDirectory } from '../state/store.js';
import type { Found } from '../state/store.js';
import type { ContainerState } from '../state/state.js';
import { hookState, hookDirectory } from './hook-state.js';
import { runHooksAnyway } from './hooks.js';
import { openInit } from './init-process.js';
import type { InitProcess } from './init-process.js';
import { isUsedByAnother, ownCgroup } from './own-cgroup.js';
import type { ContainerName } from './state.js';

/** How long a process that was killed may take to end. */
const KILL_TIMEOUT_MS = 10_000;

/** How long a cgroup may take to become empty that nothing of ours is in any more. */
const FOREIGN_TIMEOUT_MS = 2000;

export interface DeleteOptions extends ContainerName {
  /** Kill what runs; an id that does not exist is no error. */
  force?: boolean;
  /** The state of the container, when its first process is known to have been reaped. */
  ended?: ContainerState;
  /** Environment of the hooks that have none of their own. Default: an empty one. */
  hookEnvironment?: () => readonly string[];
  warn: (message: string) => void;
}

/**
 * @throws TsrunError ERR_NOT_FOUND; ERR_WRONG_STATE when it is running or paused;
 *   ERR_CGROUP, ERR_STATE when something could not be removed: delete can then
 *   be tried again
 */
export async function deleteContainer(native: Native, options: DeleteOptions): Promise<void> {
  const { root, id, warn } = options;
  const force = options.force === true;
  // With its first process the kernel has ended everything in a pid namespace.
  if (options.ended?.newPidNamespace !== true) {
    const found = findRemovable(native, root, id);
    if (found.kind === 'absent') {
      if (force) return;
      throw notFound(id);
    }
    // Before the lock: a command that waits for a process of the container holds it.
    if (force && found.kind === 'state') await killEverything(native, root, found.state);
  }

  const lock = await lockUnlessGone(native, root, id, force);
  if (lock === undefined) return;
  try {
    const now = findRemovable(native, root, id);
    // The id may have been given to another container since.
    if (options.ended !== undefined && !isOf(now, options.ended)) return;
    if (now.kind === 'state') {
      await tearDown(native, options, options.ended ?? now.state);
    } else if (!force) {
      // Says what is wrong with it.
      loadState(native, root, id);
    } else {
      await tearDownBroken(native, root, id, warn);
    }
    if (lock.isCurrent()) removeDirectory(native, root, id, lock);
  } finally {
    lock.release();
  }
}

/** False for another container; a state that was lost names none, and counts as the same. */
function isOf(found: Found, ended: ContainerState): boolean {
  if (found.kind !== 'state') return found.kind === 'broken';
  const { pid, startTime, created } = found.state;
  return pid === ended.pid && startTime === ended.startTime && created === ended.created;
}

async function lockUnlessGone(native: Native, root: StateRoot, id: string, force: boolean) {
  try {
    return await lockContainer(native, root, id, 'exclusive');
  } catch (error) {
    if (force && error instanceof TsrunError && error.code === 'ERR_NOT_FOUND') return undefined;
    throw error;
  }
}

async function tearDown(
  native: Native,
  { root, force = false, hookEnvironment, warn }: DeleteOptions,
  state: ContainerState,
): Promise<void> {
  const status = force ? 'stopped' : statusOf(native, root, state, true);
  // One that was never started ends with its helper, as with runc and crun (docs/managers.md).
  if (status !== 'stopped' && status !== 'created') {
    throw new TsrunError(
      'ERR_WRONG_STATE',
      `cannot delete container "${state.id}" that is not stopped: ${status}`,
    );
  }
  await endInit(native, state);
  const left = await endCgroup(native, root, state, force);
  if (left === 'hidden') warn(leftAlone(state.id, state.cgroupPath));
  // A create that was killed before the cgroup was known may have left its helper there.
  if (left !== 'used' && state.scope !== undefined) {
    await endScope(native, state.scope, state.cgroup === null || left === 'hidden');
  }
  if (state.hooks.poststop.length === 0) return;
  await runHooksAnyway(
    native,
    {
      kind: 'poststop',
      hooks: state.hooks.poststop,
      state: hookState(state, 'stopped'),
      cwd: hookDirectory(native, state.bundle),
      environment: hookEnvironment,
    },
    warn,
  );
}

function leftAlone(id: string, path: string | null): string {
  return (
    `container "${id}" is removed without its cgroup ${path ?? ''}: no hierarchy of cgroup v2 shows ` +
    'whether it is there, and whether processes are left in it'
  );
}

/**
 * An interrupted create, in which nothing was started, or a state that was
 * damaged since: then what it still says is ended, and of the rest is told.
 */
async function tearDownBroken(
  native: Native,
  root: StateRoot,
  id: string,
  warn: (message: string) => void,
): Promise<void> {
  const rest = salvage(native, root, id);
  for (const process of rest.processes) await endInit(native, { id, ...process });
  try {
    await endSalvaged(native, root, id, rest, warn);
  } catch (error) {
    if (!(error instanceof HiddenCgroup)) throw error;
    warn(leftAlone(id, rest.cgroup?.path ?? rest.notedCgroup ?? null));
    if (rest.scope !== undefined) await endScope(native, rest.scope, true);
  }
}

async function endSalvaged(
  native: Native,
  root: StateRoot,
  id: string,
  rest: Salvage,
  warn: (message: string) => void,
): Promise<void> {
  const { cgroup, scope } = rest;
  if (cgroup !== undefined && isThere(native, cgroup)) {
    if (isUsedByAnother(native, root, { id, cgroup })) return;
    await killAll(native, cgroup, SIGKILL);
    await removeCgroup(native, cgroup);
    if (scope !== undefined) await endScope(native, scope);
    return;
  }
  if (scope !== undefined) return endScope(native, scope, true);
  // By its path alone a cgroup may be somebody else's: as long as anything lives in it, it stays.
  const path = rest.notedCgroup ?? (rest.written ? defaultCgroup(native, id) : undefined);
  if (path === undefined) return;
  // What was noted of one that is being made may have a helper that is on its way to its end.
  const leaving = rest.processes.length > 0 || rest.notedCgroup !== undefined;
  if (isPopulated(native, { path }) && leaving) {
    await waitEmpty(native, { path }, FOREIGN_TIMEOUT_MS);
  }
  if (isPopulated(native, { path })) {
    const pids = await procs(native, { path });
    warn(
      `the state of container "${id}" is damaged: cgroup ${path}, which may have been its own, ` +
        `is left with ${pids.length} process(es): ${pids.slice(0, 8).join(', ')}`,
    );
  } else if (rest.notedCgroup !== undefined) {
    for (const directory of [`${path}/${SUBGROUP}`, path]) {
      const removed = native.rmdir(directory);
      if (removed >= 0 || isAbsent(removed)) continue;
      throw cannotLook(native, `remove cgroup ${directory}`, removed, 'ERR_CGROUP');
    }
  }
}

/** Where the cgroup of a container of that id is when its configuration names no other place. */
function defaultCgroup(native: Native, id: string): string | undefined {
  const hierarchy = findUnifiedHierarchy(native);
  if (hierarchy === undefined) return undefined;
  return hierarchy.root + cgroupPath({ id, own: cgroupOf(native, 'self') });
}

async function killEverything(
  native: Native,
  root: StateRoot,
  state: ContainerState,
): Promise<void> {
  const pidfd = openInit(native, state);
  if (pidfd !== undefined) {
    native.pidfdKill(pidfd, SIGKILL);
    native.close(pidfd);
  }
  let cgroup: CgroupRecord | undefined;
  try {
    cgroup = ownCgroup(native, state);
  } catch (error) {
    // Told when the first process has ended.
    if (!(error instanceof HiddenCgroup)) throw error;
  }
  if (cgroup === undefined || !isPopulated(native, cgroup)) return;
  if (!isUsedByAnother(native, root, state)) await killAll(native, cgroup, SIGKILL);
}

/**
 * The first process has ended: what is left of its cgroup goes, unless it is
 * another container's.
 *
 * @returns what is left: nothing; a cgroup that another container uses; one that cannot be seen, with `force`
 * @throws TsrunError ERR_CGROUP
 */
async function endCgroup(
  native: Native,
  root: StateRoot,
  state: ContainerState,
  force: boolean,
): Promise<'none' | 'used' | 'hidden'> {
  let cgroup: CgroupRecord | undefined;
  try {
    cgroup = ownCgroup(native, state);
  } catch (error) {
    if (!(error instanceof HiddenCgroup)) throw error;
    if (force) return 'hidden';
    throw new TsrunError(
      'ERR_CGROUP',
      `${error.message}: mount it there again, or remove the container without its cgroup (delete --force)`,
    );
  }
  if (cgroup === undefined) return 'none';
  // Empty and without cgroups below, as nearly always: the kernel removes no other.
  if (native.rmdir(cgroup.path) === 0) return 'none';
  if (!isPopulated(native, cgroup)) {
    await removeCgroup(native, cgroup);
    return 'none';
  }
  if (isUsedByAnother(native, root, state)) return 'used';
  // With its first process the kernel has ended everything in a pid namespace: the rest is not ours.
  const foreign = state.phase === 'created' && state.newPidNamespace;
  if (force || !foreign) await killAll(native, cgroup, SIGKILL);
  await removeCgroup(native, cgroup, foreign && !force ? FOREIGN_TIMEOUT_MS : undefined);
  return 'none';
}

/** Loaded by those that need it alone: it brings a conversation with systemd along. */
async function endScope(native: Native, scope: ScopeRecord, kill = false): Promise<void> {
  const { stopScope } = await import('../cgroups/systemd/scope.js');
  await stopScope(native, scope, kill);
}

/**
 * Ends the first process, which in an interrupted create may still be there.
 * Reaping it is its parent's business.
 */
async function endInit(native: Native, state: InitProcess): Promise<void> {
  const pidfd = openInit(native, state);
  if (pidfd === undefined) return;
  try {
    native.pidfdKill(pidfd, SIGKILL);
    const events = await waitFor(native, pidfd, POLLIN, KILL_TIMEOUT_MS, true);
    if (events < 0) {
      throw cannotLook(native, `wait for the end of process ${state.pid}`, events);
    }
    if (events === 0) {
      const { whyNotEnded } = await import('./not-ended.js');
      throw new TsrunError(
        'ERR_SYSTEM',
        `cannot delete container "${state.id}": its process ${state.pid} does not end` +
          whyNotEnded(native, state.pid),
      );
    }
  } finally {
    native.close(pidfd);
  }
}
