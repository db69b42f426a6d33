/** `delete`: undoes what create did (runtime-spec runtime.md, Lifecycle, steps 11 to 13). */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isPopulated, killAll, removeCgroup } from '../cgroups/manager.js';
import { POLLIN, SIGKILL } from '../native/constants.js';
import { waitFor } from '../native/wait.js';
import { lockContainer } from '../state/lock.js';
import { statusOf } from '../state/status.js';
import { findState, loadState, notFound, notedCgroup, removeDirectory } from '../state/store.js';
import type { ContainerState } from '../state/state.js';
import { hookState, hookDirectory } from './hook-state.js';
import { runHooksAnyway } from './hooks.js';
import { openInit } from './init-process.js';
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
  warn: (message: string) => void;
}

/**
 * @throws TsrunError ERR_NOT_FOUND; ERR_WRONG_STATE when it is not stopped;
 *   ERR_CGROUP, ERR_STATE when something could not be removed: delete can then
 *   be tried again
 */
export async function deleteContainer(native: Native, options: DeleteOptions): Promise<void> {
  const { root, id, warn } = options;
  const force = options.force === true;
  // With its first process the kernel has ended everything in a pid namespace.
  if (options.ended?.newPidNamespace !== true) {
    const found = findState(native, root, id);
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
    const now = findState(native, root, id);
    if (now.kind === 'state') {
      await tearDown(native, root, now.state, force, warn);
    } else if (!force) {
      // Says what is wrong with it.
      loadState(native, root, id);
    } else {
      // Nothing was ever started in it, and what somebody else uses is not removed by this.
      const cgroup = notedCgroup(native, root, id);
      if (cgroup !== undefined) native.rmdir(cgroup);
    }
    if (lock.isCurrent()) removeDirectory(native, root, id);
  } finally {
    lock.release();
  }
}

async function lockUnlessGone(native: Native, root: string, id: string, force: boolean) {
  try {
    return await lockContainer(native, root, id, 'exclusive');
  } catch (error) {
    if (force && error instanceof TsrunError && error.code === 'ERR_NOT_FOUND') return undefined;
    throw error;
  }
}

async function tearDown(
  native: Native,
  root: string,
  state: ContainerState,
  force: boolean,
  warn: (message: string) => void,
): Promise<void> {
  const status = statusOf(native, root, state, true);
  // One that was never started ends with its helper, as with runc and crun (docs/managers.md).
  if (status !== 'stopped' && status !== 'created' && !force) {
    throw new TsrunError(
      'ERR_WRONG_STATE',
      `cannot delete container "${state.id}" that is not stopped: ${status}`,
    );
  }
  await endInit(native, state);
  await endCgroup(native, root, state, force);
  if (state.hooks.poststop.length === 0) return;
  await runHooksAnyway(
    native,
    {
      kind: 'poststop',
      hooks: state.hooks.poststop,
      state: hookState(state, 'stopped'),
      cwd: hookDirectory(native, state.bundle),
    },
    warn,
  );
}

async function killEverything(native: Native, root: string, state: ContainerState): Promise<void> {
  const pidfd = openInit(native, state);
  if (pidfd !== undefined) {
    native.pidfdKill(pidfd, SIGKILL);
    native.close(pidfd);
  }
  const cgroup = ownCgroup(native, state);
  if (cgroup === undefined || !isPopulated(native, cgroup)) return;
  if (!isUsedByAnother(native, root, state)) await killAll(native, cgroup, SIGKILL);
}

/** The first process has ended: what is left of its cgroup goes, unless it is another container's. */
async function endCgroup(
  native: Native,
  root: string,
  state: ContainerState,
  force: boolean,
): Promise<void> {
  const cgroup = ownCgroup(native, state);
  if (cgroup === undefined) return;
  // Empty and without cgroups below, as nearly always: the kernel removes no other.
  if (native.rmdir(cgroup.path) === 0) return;
  if (!isPopulated(native, cgroup)) return removeCgroup(native, cgroup);
  // That one removes it.
  if (isUsedByAnother(native, root, state)) return;
  // With its first process the kernel has ended everything in a pid namespace: the rest is not ours.
  const foreign = state.phase === 'created' && state.newPidNamespace;
  if (force || !foreign) await killAll(native, cgroup, SIGKILL);
  await removeCgroup(native, cgroup, foreign && !force ? FOREIGN_TIMEOUT_MS : undefined);
}

/**
 * Ends the first process, which in an interrupted create may still be there.
 * Reaping it is its parent's business.
 */
async function endInit(native: Native, state: ContainerState): Promise<void> {
  const pidfd = openInit(native, state);
  if (pidfd === undefined) return;
  try {
    native.pidfdKill(pidfd, SIGKILL);
    if ((await waitFor(native, pidfd, POLLIN, KILL_TIMEOUT_MS, true)) === 0) {
      throw new TsrunError(
        'ERR_SYSTEM',
        `cannot delete container "${state.id}": its process ${state.pid} does not end`,
      );
    }
  } finally {
    native.close(pidfd);
  }
}
