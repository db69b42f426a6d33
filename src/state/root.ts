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
 * @throws TsrunError ERR_STATE when XDG_RUNTIME_DIR is needed and not set, or holds another user's
 *   directory of that name
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
  const root = `${runtimeDirectory}/tsrun`;
  requireOwn(native, root);
  return root;
}

/**
 * The directory of a session is its user's alone, but the variable may name /tmp, where anybody can
 * have been there first: what is in the states, hooks above all, is then that user's.
 */
function requireOwn(native: Native, root: string): void {
  const stat = native.lstat(root);
  if (typeof stat === 'number' || stat.uid === native.getuid()[1]) return;
  throw new TsrunError(
    'ERR_STATE',
    `state directory ${root} belongs to another user (${stat.uid}): ` +
      'XDG_RUNTIME_DIR must be a directory of the caller (use --root)',
  );
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
