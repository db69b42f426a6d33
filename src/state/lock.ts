/**
 * flock(2) on the state directory itself: exclusive for create, start and
 * delete, shared for exec. The kernel drops it when its holder dies. A lock
 * file of its own would have to be made, and a command that waits for it could
 * make it again while the directory is being removed.
 */

import { isSameFile } from '../native/same-file.js';
import { isAbsent } from '../native/look.js';
import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  ENOENT,
  ENOTDIR,
  EWOULDBLOCK,
  LOCK_EX,
  LOCK_SH,
  LOCK_UN,
  O_RDONLY,
} from '../native/constants.js';
import { delay } from '../native/wait.js';
import { validateId } from './id.js';
import { statePath } from './paths.js';
import type { StateRoot } from './root.js';
import { notFound, stateError } from './store.js';

/** How long a command waits for another one on the same container. */
const PATIENCE_MS = 30_000;
/** Pauses between tries grow up to the last one. */
const PAUSES_MS = [1, 2, 5, 10, 25, 50];

export interface Lock {
  /** Of the directory, for reading, until it is released. */
  readonly fd: number;
  /**
   * Whether the directory that is locked is still what the id leads to: no other has taken its place.
   *
   * @throws TsrunError ERR_STATE when that cannot be found out
   */
  isCurrent(): boolean;
  release(): void;
}

/**
 * Locks an existing container.
 *
 * @throws TsrunError ERR_ID_INVALID, ERR_NOT_FOUND when it is not there or goes away meanwhile,
 *   ERR_STATE when another command holds it for longer, 30 s by default
 */
export async function lockContainer(
  native: Native,
  root: StateRoot,
  id: string,
  mode: 'shared' | 'exclusive',
  patienceMs = PATIENCE_MS,
): Promise<Lock> {
  validateId(id);
  const operation = mode === 'shared' ? LOCK_SH : LOCK_EX;
  let waited = 0;
  for (let attempt = 0; ; attempt++) {
    const result = tryLock(native, root, id, operation);
    if (typeof result !== 'number') return result;
    if (result === -ENOENT || result === -ENOTDIR) throw notFound(id);
    if (result !== -EWOULDBLOCK) {
      throw stateError(native, 'cannot lock', statePath(root, id), result);
    }
    if (waited >= patienceMs) {
      throw new TsrunError(
        'ERR_STATE',
        `cannot lock container "${id}": another command has held it for ${patienceMs / 1000} s`,
      );
    }
    const pause = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 50;
    await delay(native, pause);
    waited += pause;
  }
}

/**
 * One try, without waiting.
 *
 * @returns the lock, or a negated errno: -EWOULDBLOCK when another holds it,
 *   -ENOENT when the container is not there
 */
export function tryLock(
  native: Native,
  root: StateRoot,
  id: string,
  operation: number,
): Lock | number {
  const fd = root.openContainer(id, O_RDONLY);
  if (fd < 0) return fd;
  const locked = native.flock(fd, operation);
  if (locked < 0) {
    native.close(fd);
    return locked;
  }
  // Between open and flock the container may have been deleted, and its id taken again.
  const same = isSame(native, fd, root, id);
  if (same !== true) {
    native.close(fd);
    return same === false ? -EWOULDBLOCK : same;
  }
  let held = true;
  return {
    fd,
    isCurrent: () => held && isCurrent(native, fd, root, id),
    release: () => {
      if (!held) return;
      held = false;
      // A program that was started meanwhile may still have a copy of the descriptor.
      native.flock(fd, LOCK_UN);
      native.close(fd);
    },
  };
}

/** Whether the id leads to what a descriptor has open; a negated errno when it leads nowhere. */
function isSame(native: Native, fd: number, root: StateRoot, id: string): boolean | number {
  const mine = native.fstat(fd);
  const there = native.fstatAt(root.fd, id);
  if (typeof there === 'number') return there;
  if (typeof mine === 'number') return mine;
  return isSameFile(mine, there);
}

/** A path that leads nowhere any more has been given to nobody else. */
function isCurrent(native: Native, fd: number, root: StateRoot, id: string): boolean {
  const same = isSame(native, fd, root, id);
  if (typeof same === 'boolean') return same;
  if (isAbsent(same)) return true;
  throw stateError(native, 'cannot look at', statePath(root, id), same);
}

/**
 * Whether some command works on the container right now.
 *
 * @throws TsrunError ERR_STATE when that cannot be found out
 */
export function isLocked(native: Native, root: StateRoot, id: string): boolean {
  const lock = tryLock(native, root, id, LOCK_SH);
  if (lock === -EWOULDBLOCK) return true;
  if (typeof lock === 'number') {
    if (isAbsent(lock)) return false;
    throw stateError(native, 'cannot lock', statePath(root, id), lock);
  }
  lock.release();
  return false;
}
