/** The directory that holds the state of all containers. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EEXIST, ENOENT, S_IFDIR, S_IFMT } from '../native/constants.js';
import { inInitialUserNamespace } from './user-namespace.js';

/** Environment of the caller. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `/run/tsrun` for root in the initial user namespace, `$XDG_RUNTIME_DIR/tsrun`
 * for everybody else, root in a user namespace included.
 *
 * @throws TsrunError ERR_STATE when XDG_RUNTIME_DIR is needed and not set
 */
export function defaultRoot(native: Native, environment: Environment): string {
  if (native.getuid()[1] === 0 && inInitialUserNamespace(native)) return '/run/tsrun';
  const runtimeDirectory = environment['XDG_RUNTIME_DIR'];
  if (runtimeDirectory === undefined || runtimeDirectory === '') {
    // Root of a user namespace may be without a login session: /run is then its own or not writable.
    if (native.getuid()[1] === 0) return '/run/tsrun';
    throw new TsrunError(
      'ERR_STATE',
      'cannot choose a state directory: XDG_RUNTIME_DIR is not set (use --root)',
    );
  }
  return `${runtimeDirectory}/tsrun`;
}

/**
 * Makes the root directory, and its parents, where they are missing.
 *
 * @throws TsrunError ERR_STATE
 */
export function ensureRoot(native: Native, root: string): void {
  const made = native.mkdir(root, 0o700);
  if (made >= 0) return;
  if (made === -EEXIST) {
    const stat = native.stat(root);
    if (typeof stat !== 'number' && (stat.mode & S_IFMT) === S_IFDIR) return;
    throw new TsrunError('ERR_STATE', `state directory ${root}: not a directory`);
  }
  const slash = root.lastIndexOf('/');
  if (made === -ENOENT && slash > 0) {
    ensureRoot(native, root.slice(0, slash));
    const again = native.mkdir(root, 0o700);
    if (again >= 0 || again === -EEXIST) return;
    throw cannotMake(native, root, again);
  }
  throw cannotMake(native, root, made);
}

function cannotMake(native: Native, root: string, error: number): TsrunError {
  return new TsrunError(
    'ERR_STATE',
    `cannot make state directory ${root}: ${native.strerror(-error)}`,
    { errno: -error },
  );
}
