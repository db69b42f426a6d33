/** Hands the signals that a foreground run or exec gets to the container's process. */

import type { Native } from '../../native/types.js';
import { TsrunError } from '../../errors.js';
import * as linux from '../../native/constants.js';
import type { Waits } from './waits.js';

/**
 * What is not handed on: what cannot be caught, what is about ourselves (a
 * fault, a child's end, our own writing to a closed pipe), and what stops a
 * background program that touches its terminal, which must stop us.
 */
const OURS: ReadonlySet<number> = new Set([
  linux.SIGKILL,
  linux.SIGSTOP,
  linux.SIGILL,
  linux.SIGTRAP,
  linux.SIGABRT,
  linux.SIGBUS,
  linux.SIGFPE,
  linux.SIGSEGV,
  linux.SIGSYS,
  linux.SIGPIPE,
  linux.SIGCHLD,
  linux.SIGURG,
  linux.SIGTTIN,
  linux.SIGTTOU,
]);

export function forwardableSignals(): number[] {
  const signals: number[] = [];
  for (let signal = 1; signal <= linux.SIGRTMAX; signal++) {
    // The C library keeps the real-time signals below SIGRTMIN to itself.
    const reserved = signal > linux.SIGSYS && signal < linux.SIGRTMIN;
    if (!reserved && !OURS.has(signal)) signals.push(signal);
  }
  return signals;
}

/**
 * From here on signals do not end the runtime but wait to be read.
 *
 * @param further signals besides those to hand on
 * @returns the descriptor to read them from
 * @throws TsrunError ERR_SYSTEM
 */
export function catchSignals(native: Native, further: readonly number[] = []): number {
  const fd = native.catchSignals([...forwardableSignals(), ...further]);
  if (fd < 0) {
    throw new TsrunError('ERR_SYSTEM', `cannot catch signals: ${native.strerror(-fd)}`, {
      errno: -fd,
    });
  }
  return fd;
}

/** What is done about a signal that is not handed on, by its number. */
export type OwnSignals = Readonly<Record<number, () => void>>;

/** Hands on what is read, until the waits are stopped. */
export async function forwardSignals(
  native: Native,
  waits: Waits,
  signals: number,
  pidfd: number,
  own: OwnSignals,
): Promise<void> {
  for (;;) {
    const events = await waits.wait(signals, linux.POLLIN);
    if (events <= 0) return;
    const data = native.read(signals, 64);
    if (data === -linux.EAGAIN) continue;
    if (typeof data === 'number' || data.length === 0) return;
    for (const signal of data) {
      const act = own[signal];
      if (act !== undefined) act();
      // ESRCH: it has ended meanwhile, which whoever waits for it sees.
      else native.pidfdKill(pidfd, signal);
    }
  }
}
