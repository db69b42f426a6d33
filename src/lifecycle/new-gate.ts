/** What a new container waits at: two fifos in its directory, or two pipes of a `run`. */

import { O_CLOEXEC, O_NOFOLLOW, O_RDWR } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EXEC_FIFO, EXEC_REPORT, STATE_MODE, statePath } from '../state/paths.js';
import type { StateRoot } from '../state/root.js';
import { stateError } from '../state/store.js';
import { closeGate } from './gate.js';
import type { OpenGate } from './gate.js';
import type { OpenFds, UndoStack } from './undo.js';

export interface NewGate {
  /** The helper's ends. */
  fifo: number;
  report: number;
  /** With pipes, the other ends. */
  caller?: OpenGate;
}

/**
 * @param directory descriptor of the container's
 * @param fds owns the ends of the helper
 * @throws TsrunError ERR_STATE
 */
export function makeFifos(
  native: Native,
  { root, id }: { root: StateRoot; id: string },
  directory: number,
  fds: OpenFds,
): NewGate {
  // Both ends of it, the helper's: it is never without a reader or a writer.
  const make = (name: string): number => {
    const made = native.mkfifoAt(directory, name, STATE_MODE);
    const fd = made < 0 ? made : native.openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0) throw stateError(native, 'cannot make', statePath(root, id, name), fd);
    return fds.add(fd);
  };
  return { fifo: make(EXEC_FIFO), report: make(EXEC_REPORT) };
}

/**
 * @param undo closes the caller's ends
 * @throws TsrunError ERR_SYSTEM
 */
export function makePipes(native: Native, fds: OpenFds, undo: UndoStack): NewGate {
  const [fifo, knock] = makePipe(native, fds);
  const [said, report] = makePipe(native, fds);
  const caller = { knock: fds.give(knock), fifo: fds.give(fifo), report: fds.give(said) };
  undo.push(() => {
    closeGate(native, caller);
  });
  native.setNonblocking(said, true);
  return { fifo, report, caller };
}

function makePipe(native: Native, fds: OpenFds): readonly [number, number] {
  const ends = native.pipe();
  if (typeof ends === 'number') {
    throw new TsrunError('ERR_SYSTEM', `cannot make a pipe: ${native.strerror(-ends)}`, {
      errno: -ends,
    });
  }
  for (const end of ends) fds.add(end);
  return ends;
}
