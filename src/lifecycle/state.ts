/** `state`: what is told about a container. */

import type { Native } from '../native/types.js';
import type { StateRoot } from '../state/root.js';
import { statusOf } from '../state/status.js';
import type { Status } from '../state/status.js';
import { loadState } from '../state/store.js';
import type { ContainerState, ContainerSummary } from '../state/state.js';

/** The state as the runtime specification and runc's callers know it. */
export interface StateView {
  ociVersion: string;
  id: string;
  /** 0 when it is stopped. */
  pid: number;
  status: Status;
  bundle: string;
  rootfs: string;
  /** RFC 3339. */
  created: string;
  annotations: Record<string, string>;
  /** Name of the user who made it. */
  owner: string;
}

/**
 * The same of one of many. `unknown`: it could not be looked at, and may be in any state. What could
 * not be read of it is empty.
 */
export interface ListedView extends Omit<StateView, 'status'> {
  status: Status | 'unknown';
}

/** What the table of `list` shows of it. */
export type ListRow = Pick<ListedView, 'id' | 'pid' | 'status' | 'bundle' | 'created' | 'owner'>;

export interface ContainerName {
  /** Directory of the states of all containers. */
  root: StateRoot;
  id: string;
}

/**
 * @throws TsrunError ERR_NOT_FOUND, ERR_ID_INVALID, ERR_STATE; ERR_SYSTEM, ERR_CGROUP when its process
 *   or its cgroup cannot be looked at
 */
export function state(native: Native, { root, id }: ContainerName): StateView {
  const stored = loadState(native, root, id);
  return viewOf(stored, statusOf(native, root, stored));
}

export function viewOf<S extends ListedView['status']>(
  stored: ContainerState,
  state: S,
): Omit<StateView, 'status'> & { status: S } {
  const { id, pid, status, bundle, created, owner } = rowOf(stored, state);
  const { ociVersion, rootfs, annotations } = stored;
  return { ociVersion, id, pid, status, bundle, rootfs, created, annotations, owner };
}

export function rowOf<S extends ListedView['status']>(
  { id, pid, bundle, created, owner }: ContainerSummary,
  status: S,
): Omit<ListRow, 'status'> & { status: S } {
  return { id, pid: status === 'stopped' ? 0 : pid, status, bundle, created, owner };
}
