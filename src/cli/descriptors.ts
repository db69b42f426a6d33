/** Descriptors that the caller hands to a container's process, besides 0, 1 and 2. */

import { TsrunError } from '../errors.js';
import { cannotLook } from '../native/look.js';
import type { Context } from './context.js';

/** Where they begin, for sd_listen_fds(3) and for --preserve-fds. */
const FIRST = 3;

/**
 * What a host such as Node opens for itself before it runs us. Whoever could
 * write to them from inside a container would write to our memory.
 */
const HOST_OWN = ['anon_inode:[eventpoll]', 'anon_inode:[eventfd]', 'anon_inode:[io_uring]'];

export interface Preserved {
  /** Those of LISTEN_FDS first. */
  preserve: number[];
  listenFds: number;
}

/**
 * Those of socket activation, and `extra` more behind them.
 *
 * Whether a descriptor came from the caller cannot be told from itself: Node
 * makes all it is left close-on-exec. But open(2) and its like take the lowest
 * number that is free, so the first number that the caller left out has the
 * first thing that the host opened to keep: an epoll instance. It is in the
 * range when anything in the range is not the caller's. A host that keeps
 * nothing open leaves that number to the log file, or to nothing.
 *
 * @param extra --preserve-fds
 * @throws TsrunError ERR_USAGE when one of them is not open, or not the caller's
 */
export function preservedDescriptors(
  { native, log }: Context,
  extra: number,
  listenFds: number,
): Preserved {
  const preserve: number[] = [];
  for (let fd = FIRST; fd < FIRST + listenFds + extra; fd++) {
    const who = fd < FIRST + listenFds ? 'LISTEN_FDS' : '--preserve-fds';
    if (typeof native.fstat(fd) === 'number') {
      throw new TsrunError('ERR_USAGE', `${who}: descriptor ${fd} is not open`);
    }
    const link = native.readlink(`/proc/self/fd/${fd}`);
    if (typeof link === 'number') throw cannotLook(native, `look at descriptor ${fd}`, link);
    const own = HOST_OWN.includes(link);
    if (own || log.isOpenAs(fd)) {
      const what = own ? `${link}, as the runtime itself has` : 'the log file';
      throw new TsrunError('ERR_USAGE', `${who}: descriptor ${fd} is not the caller's (${what})`);
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
