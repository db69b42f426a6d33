/** Descriptors that the caller hands to a container's process, besides 0, 1 and 2. */

import { TsrunError } from '../errors.js';
import type { Context } from './context.js';

/** Where they begin, for sd_listen_fds(3) and for --preserve-fds. */
const FIRST = 3;

export interface Preserved {
  /** Those of LISTEN_FDS first. */
  preserve: number[];
  listenFds: number;
}

/**
 * Those of socket activation, and `extra` more behind them.
 *
 * @param extra --preserve-fds
 * @throws TsrunError ERR_USAGE when one of them is not open
 */
export function preservedDescriptors(
  { native }: Context,
  extra: number,
  listenFds: number,
): Preserved {
  const preserve: number[] = [];
  for (let fd = FIRST; fd < FIRST + listenFds + extra; fd++) {
    // Whether it came from the caller cannot be told: Node makes all it is left close-on-exec.
    if (typeof native.fstat(fd) === 'number') {
      const who = fd < FIRST + listenFds ? 'LISTEN_FDS' : '--preserve-fds';
      throw new TsrunError('ERR_USAGE', `${who}: descriptor ${fd} is not open`);
    }
    preserve.push(fd);
  }
  return { preserve, listenFds };
}

/**
 * How many descriptors socket activation gave to us: LISTEN_FDS is for the
 * process that LISTEN_PID names, and for nobody else who inherits it.
 */
export function activatedDescriptors({ native, environment }: Context): number {
  const { LISTEN_FDS: fds, LISTEN_PID: pid } = environment;
  if (fds === undefined || pid !== String(native.getpid()) || !/^\d{1,4}$/.test(fds)) return 0;
  return Number(fds);
}
