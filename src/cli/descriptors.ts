/** Descriptors that the caller hands to a container's process, besides 0, 1 and 2. */

import { TsrunError } from '../errors.js';
import { O_CLOEXEC } from '../native/constants.js';
import type { Native } from '../native/types.js';
import type { Context } from './context.js';

/** Where they begin, for sd_listen_fds(3) and for --preserve-fds. */
const FIRST = 3;
/** An inotify or epoll descriptor lists what it watches. */
const MAX_FDINFO = 1 << 20;

export interface Preserved {
  /** Those of LISTEN_FDS first. */
  preserve: number[];
  listenFds: number;
}

/**
 * Those of socket activation, and `extra` more behind them.
 *
 * @param extra --preserve-fds
 * @throws TsrunError ERR_USAGE when one of them is not there
 */
export function preservedDescriptors(
  { native }: Context,
  extra: number,
  listenFds: number,
): Preserved {
  const preserve: number[] = [];
  for (let fd = FIRST; fd < FIRST + listenFds + extra; fd++) {
    if (!isInherited(native, fd)) {
      const who = fd < FIRST + listenFds ? 'LISTEN_FDS' : '--preserve-fds';
      throw new TsrunError('ERR_USAGE', `${who}: descriptor ${fd} was not given`);
    }
    preserve.push(fd);
  }
  return { preserve, listenFds };
}

/**
 * Whether the caller left us this descriptor. What is close-on-exec was opened
 * by ourselves or our host since, and must not get into a container.
 */
function isInherited(native: Native, fd: number): boolean {
  const text = native.readText(`/proc/self/fdinfo/${fd}`, MAX_FDINFO);
  if (typeof text === 'number') return false;
  const flags = /^flags:\s*([0-7]+)$/m.exec(text)?.[1];
  return flags !== undefined && (parseInt(flags, 8) & O_CLOEXEC) === 0;
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
