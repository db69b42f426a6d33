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
const OURS: readonly number[] = [
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
];

export function forwardableSignals(): number[] {
  const signals: number[] = [];
  for (let signal = 1; signal <= linux.SIGRTMAX; signal++) {
    // The C library keeps the real-time signals below SIGRTMIN to itself.
    const reserved = signal > linux.SIGSYS && signal < linux.SIGRTMIN;
    if (!reserved && !OURS.includes(signal)) signals.push(signal);
  }
  return signals;
}

/**
 * From here on signals do not end the runtime but wait to be read.
 *
 * @returns the descriptor to read them from
 * @throws TsrunError ERR_SYSTEM
 */
export function catchSignals(native: Native): number {
  const fd = native.catchSignals(forwardableSignals());
  if (fd < 0) {
    throw new TsrunError('ERR_SYSTEM', `cannot catch signals: ${native.strerror(-fd)}`, {
      errno: -fd,
    });
  }
  return fd;
}

/** Hands on what is read, until the waits are stopped; a change of the window's size goes to `resized`. */
export async function forwardSignals(
  native: Native,
  waits: Waits,
  signals: number,
  pidfd: number,
  resized: () => void,
): Promise<void> {
  for (;;) {
    const events = await waits.wait(signals, linux.POLLIN);
    if (events <= 0) return;
    const data = native.read(signals, 64);
    if (data === -linux.EAGAIN) continue;
    if (typeof data === 'number' || data.length === 0) return;
    for (const signal of data) {
      if (signal === linux.SIGWINCH) resized();
      // ESRCH: it has ended meanwhile, which whoever waits for it sees.
      else native.pidfdKill(pidfd, signal);
    }
  }
}
