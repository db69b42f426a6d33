/** The state that hooks of the runtime's namespaces read, and where they run. */

import type { Native } from '../native/types.js';
import { EACCES, X_OK } from '../native/constants.js';
import { isAbsent } from '../native/look.js';
import { hookStateParts } from '../plan/hooks.js';
import type { ContainerState } from '../state/state.js';

export function hookState(
  state: ContainerState,
  status: 'creating' | 'created' | 'running' | 'stopped',
): string {
  const { before, after } = hookStateParts(state, state, status);
  return `${before}${status === 'stopped' ? 0 : state.pid}${after}`;
}

/**
 * The bundle, as with runc, or `/` when that is gone, which it may be by the time of poststop, or when
 * the caller may not enter it any more. If it cannot be looked at, the hook's own chdir(2) says why.
 */
export function hookDirectory(native: Native, bundle: string): string {
  const status = native.access(bundle, X_OK);
  return isAbsent(status) || status === -EACCES ? '/' : bundle;
}
