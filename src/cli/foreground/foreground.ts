/** Stays with a process until its end: signals and terminal go through, and its status comes back. */

import type { ExitInfo, Native } from '../../native/types.js';
import { TsrunError } from '../../errors.js';
import { waitForExit } from '../../lifecycle/child.js';
import { SIGWINCH } from '../../native/constants.js';
import { forwardSignals } from './signals.js';
import type { OwnSignals } from './signals.js';
import type { Terminal } from './terminal.js';
import { Waits } from './waits.js';

/**
 * Waits for a child's end and reaps it.
 *
 * @param signals what catchSignals() returned
 * @param terminal started already; it is finished here
 * @param own what is done about further signals that were caught
 * @returns the exit status for the caller: that of the process, or 128+N when signal N killed it
 * @throws TsrunError ERR_SYSTEM
 */
export async function attend(
  native: Native,
  pidfd: number,
  signals: number,
  terminal: Terminal | undefined,
  own: OwnSignals = {},
): Promise<number> {
  const waits = new Waits(native);
  void forwardSignals(native, waits, signals, pidfd, {
    ...own,
    [SIGWINCH]: () => terminal?.resize(),
  });
  try {
    let exit = await waitForExit(native, pidfd);
    // Once more: with the status of the process its caller would lose what nobody else can tell.
    if (typeof exit === 'number') exit = await waitForExit(native, pidfd);
    if (typeof exit === 'number') {
      throw new TsrunError('ERR_SYSTEM', `cannot wait for the process: ${native.strerror(-exit)}`, {
        errno: -exit,
      });
    }
    await terminal?.finish();
    return exitStatus(exit);
  } finally {
    waits.stop();
  }
}

export function exitStatus(exit: ExitInfo): number {
  return exit.signal === 0 ? exit.status : 128 + exit.signal;
}
