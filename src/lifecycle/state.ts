/** `state`: what is told about a container. */

import type { Native } from '../native/types.js';
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

/** What the table of `list` shows of it. */
export type ListRow = Pick<StateView, 'id' | 'pid' | 'status' | 'bundle' | 'created' | 'owner'>;

export interface ContainerName {
  /** Directory of the states of all containers. */
  root: string;
  id: string;
}

/** @throws TsrunError ERR_NOT_FOUND, ERR_ID_INVALID, ERR_STATE */
export function state(native: Native, { root, id }: ContainerName): StateView {
  return viewOf(native, root, loadState(native, root, id));
}

export function viewOf(native: Native, root: string, stored: ContainerState): StateView {
  const { id, pid, status, bundle, created, owner } = rowOf(native, root, stored);
  const { ociVersion, rootfs, annotations } = stored;
  return { ociVersion, id, pid, status, bundle, rootfs, created, annotations, owner };
}

export function rowOf(native: Native, root: string, stored: ContainerSummary): ListRow {
  const status = statusOf(native, root, stored);
  const { id, bundle, created, owner } = stored;
  return { id, pid: status === 'stopped' ? 0 : stored.pid, status, bundle, created, owner };
}
