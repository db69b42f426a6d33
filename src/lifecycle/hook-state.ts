/** The state that hooks of the runtime's namespaces read, and where they run. */

import type { Native } from '../native/types.js';
import { X_OK } from '../native/constants.js';
import { hookStateParts } from '../plan/hooks.js';
import type { ContainerState } from '../state/state.js';

export function hookState(
  state: ContainerState,
  status: 'creating' | 'created' | 'running' | 'stopped',
): string {
  const { before, after } = hookStateParts(state, state, status);
  return `${before}${status === 'stopped' ? 0 : state.pid}${after}`;
}

/** The bundle, as with runc; by the time of poststop it may be gone. */
export function hookDirectory(native: Native, bundle: string): string {
  return native.access(bundle, X_OK) < 0 ? '/' : bundle;
}
