/** `list`: all containers below a root directory. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isLocked } from '../state/lock.js';
import type { ContainerSummary } from '../state/state.js';
import { statusOf } from '../state/status.js';
import { findListed, findState, listIds } from '../state/store.js';
import type { Found } from '../state/store.js';
import { SPEC_VERSION } from '../version.js';
import { viewOf } from './state.js';
import type { StateView } from './state.js';

export interface ListOptions {
  root: string;
  warn: (message: string) => void;
}

/** What is shown of a container in a table. */
export type ListRow = Pick<StateView, 'id' | 'pid' | 'status' | 'bundle' | 'created' | 'owner'>;

/**
 * Their states, sorted by id. One whose state cannot be read is told to `warn`
 * and left out. What a crash left of a create is shown as stopped, so that
 * somebody deletes it.
 *
 * @throws TsrunError ERR_STATE when the root directory cannot be read
 */
export function list(native: Native, options: ListOptions): StateView[] {
  return collect(native, options, findState, viewOf, remains);
}

/** The same for a table, for which less is read. */
export function listRows(native: Native, options: ListOptions): ListRow[] {
  return collect(native, options, findListed, rowOf, remains);
}

function collect<State, View>(
  native: Native,
  { root, warn }: ListOptions,
  find: (native: Native, root: string, id: string) => Found<State>,
  view: (native: Native, root: string, state: State) => View,
  remainsOf: (id: string) => View,
): View[] {
  const views: View[] = [];
  for (const id of listIds(native, root)) {
    try {
      const found = find(native, root, id);
      if (found.kind === 'state') views.push(view(native, root, found.state));
      // Without a state and locked: its create has only just begun.
      else if (found.kind === 'broken' && !isLocked(native, root, id)) views.push(remainsOf(id));
    } catch (error) {
      if (!(error instanceof TsrunError)) throw error;
      warn(error.message);
    }
  }
  return views;
}

function rowOf(native: Native, root: string, state: ContainerSummary): ListRow {
  const status = statusOf(native, root, state);
  const { id, bundle, created, owner } = state;
  return { id, pid: status === 'stopped' ? 0 : state.pid, status, bundle, created, owner };
}

function remains(id: string): StateView {
  return {
    ociVersion: SPEC_VERSION,
    id,
    pid: 0,
    status: 'stopped',
    bundle: '',
    rootfs: '',
    created: '',
    annotations: {},
    owner: '',
  };
}
