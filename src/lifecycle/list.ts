/** `list`: all containers below a root directory. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isLocked } from '../state/lock.js';
import { findListed, findState, listIds } from '../state/store.js';
import type { Found } from '../state/store.js';
import { SPEC_VERSION } from '../version.js';
import { rowOf, viewOf } from './state.js';
import type { ListRow, StateView } from './state.js';

export interface ListOptions {
  root: string;
  warn: (message: string) => void;
}

/**
 * Their states, sorted by id. One whose state cannot be read is told to `warn`
 * and left out. What a crash left of a create is shown as stopped, so that
 * somebody deletes it.
 *
 * @throws TsrunError ERR_STATE when the root directory cannot be read
 */
export function list(native: Native, options: ListOptions): StateView[] {
  return collect(native, options, findState, viewOf);
}

/** The same for a table, for which less is read. */
export function listRows(native: Native, options: ListOptions): ListRow[] {
  return collect(native, options, findListed, rowOf);
}

/** The same one after another, for a caller who has to do something else in between; undefined is left out. */
export function* listed(
  native: Native,
  options: ListOptions,
): Generator<StateView | undefined, void, undefined> {
  for (const id of listIds(native, options.root)) {
    yield one(native, options, id, findState, viewOf);
  }
}

function collect<State, View>(
  native: Native,
  options: ListOptions,
  find: (native: Native, root: string, id: string) => Found<State>,
  view: (native: Native, root: string, state: State) => View,
): (View | StateView)[] {
  const views: (View | StateView)[] = [];
  for (const id of listIds(native, options.root)) {
    const found = one(native, options, id, find, view);
    if (found !== undefined) views.push(found);
  }
  return views;
}

function one<State, View>(
  native: Native,
  { root, warn }: ListOptions,
  id: string,
  find: (native: Native, root: string, id: string) => Found<State>,
  view: (native: Native, root: string, state: State) => View,
): View | StateView | undefined {
  try {
    const found = find(native, root, id);
    if (found.kind === 'state') return view(native, root, found.state);
    // Without a state and locked: its create has only just begun.
    if (found.kind === 'broken' && !isLocked(native, root, id)) return remains(id);
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    warn(error.message);
  }
  return undefined;
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
