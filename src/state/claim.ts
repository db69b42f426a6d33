/** Taking an id for a new container. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { lockContainer } from './lock.js';
import type { Lock } from './lock.js';
import { AT_REMOVEDIR } from '../native/constants.js';
import { statePath } from './paths.js';
import type { StateRoot } from './root.js';
import { claimDirectory, exists, stateError } from './store.js';

/**
 * Makes the container's directory and locks it.
 *
 * Until it is locked, others may delete it (`delete --force` takes it for what
 * an interrupted create left) and take the id in turn. Which of several creates
 * gets it is decided by the lock: what is locked and still empty is ours,
 * whoever made it, and anything else is none of our business.
 *
 * @returns the exclusive lock
 * @throws TsrunError ERR_EXISTS when the id is in use, ERR_STATE
 */
export async function claimContainer(native: Native, root: StateRoot, id: string): Promise<Lock> {
  claimDirectory(native, root, id);
  let lock: Lock;
  try {
    lock = await lockContainer(native, root, id, 'exclusive');
  } catch (error) {
    if (error instanceof TsrunError && error.code === 'ERR_NOT_FOUND') {
      throw new TsrunError(
        'ERR_STATE',
        `cannot create container "${id}": it was deleted meanwhile`,
      );
    }
    // Nothing is lost with an empty directory, and another is not removed.
    native.unlinkAt(root.fd, id, AT_REMOVEDIR);
    throw error;
  }
  const names = native.names(lock.fd);
  if (typeof names !== 'number' && names.length === 0) return lock;
  if (typeof names === 'number') native.unlinkAt(root.fd, id, AT_REMOVEDIR);
  lock.release();
  throw typeof names === 'number'
    ? stateError(native, 'cannot read', statePath(root, id), names)
    : exists(id);
}
