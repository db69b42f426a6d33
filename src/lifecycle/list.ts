/** `list`: all containers below a root directory. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { ofThisBoot } from '../state/boot.js';
import { isLocked } from '../state/lock.js';
import type { StateRoot } from '../state/root.js';
import { findListed, findState, listIds } from '../state/store.js';
import type { Found } from '../state/store.js';
import type { ContainerSummary } from '../state/state.js';
import { statusOf } from '../state/status.js';
import { SPEC_VERSION } from '../version.js';
import { rowOf, viewOf } from './state.js';
import type { ListRow, ListedView } from './state.js';

export interface ListOptions {
  root: StateRoot;
  warn: (message: string) => void;
}

/**
 * Their states, sorted by id. What a crash left of a create is shown as stopped, so that
 * somebody deletes it. One that cannot be looked at is shown as `unknown`, and why is told to
 * `warn`: to leave it out would be to say that it is not there. One of another runtime, or of a tsrun
 * with another format, is told to `warn` and left out.
 *
 * @throws TsrunError ERR_STATE when the root directory cannot be read
 */
export function list(native: Native, options: ListOptions): ListedView[] {
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
): Generator<ListedView | undefined, void, undefined> {
  for (const id of listIds(native, options.root)) {
    yield one(native, options, id, findState, viewOf);
  }
}

type Find<State> = (
  native: Native,
  root: StateRoot,
  id: string,
  asWritten: boolean,
) => Found<State>;

function collect<State extends ContainerSummary, View>(
  native: Native,
  options: ListOptions,
  find: Find<State>,
  view: (state: State, status: ListedView['status']) => View,
): (View | ListedView)[] {
  const views: (View | ListedView)[] = [];
  for (const id of listIds(native, options.root)) {
    const found = one(native, options, id, find, view);
    if (found !== undefined) views.push(found);
  }
  return views;
}

function one<State extends ContainerSummary, View>(
  native: Native,
  { root, warn }: ListOptions,
  id: string,
  find: Find<State>,
  view: (state: State, status: ListedView['status']) => View,
): View | ListedView | undefined {
  let found: Found<State> | undefined;
  try {
    found = find(native, root, id, true);
    if (found.kind === 'state') {
      const state = ofThisBoot(native, root, found.state);
      return view(state, statusOf(native, root, state));
    }
    // Without a state and locked: its create has only just begun.
    if (found.kind === 'broken' && !isLocked(native, root, id)) return remains(id, 'stopped');
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    warn(error.message);
    if (found?.kind === 'state') return view(found.state, 'unknown');
    // The kernel's refusal says nothing about whose it is.
    if (error.errno !== undefined) return remains(id, 'unknown');
  }
  return undefined;
}

function remains(id: string, status: ListedView['status']): ListedView {
  return {
    ociVersion: SPEC_VERSION,
    id,
    pid: 0,
    status,
    bundle: '',
    rootfs: '',
    created: '',
    annotations: {},
    owner: '',
  };
}
