/** `list`: the states of all containers below a root directory. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { isLocked } from '../state/lock.js';
import { findState, listIds } from '../state/store.js';
import { SPEC_VERSION } from '../version.js';
import { viewOf } from './state.js';
import type { StateView } from './state.js';

/**
 * Sorted by id. One whose state cannot be read is told to `warn` and left out.
 * What a crash left of a create is shown as stopped, so that somebody deletes it.
 *
 * @throws TsrunError ERR_STATE when the root directory cannot be read
 */
export function list(
  native: Native,
  { root, warn }: { root: string; warn: (message: string) => void },
): StateView[] {
  const views: StateView[] = [];
  for (const id of listIds(native, root)) {
    try {
      const found = findState(native, root, id);
      if (found.kind === 'state') views.push(viewOf(native, root, found.state));
      // Without a state and locked: its create has only just begun.
      else if (found.kind === 'broken' && !isLocked(native, root, id)) views.push(remains(id));
    } catch (error) {
      if (!(error instanceof TsrunError)) throw error;
      warn(error.message);
    }
  }
  return views;
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
