/** A handle on a container's first process that cannot become another process's. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EINVAL, ENOENT, ESRCH } from '../native/constants.js';
import { isAlive } from '../state/proc-stat.js';
import type { ContainerState } from '../state/state.js';

/** What names the first process of a container. */
export type InitProcess = Pick<ContainerState, 'id' | 'pid' | 'startTime'>;

/** Callers match `container not running`. @param doing as in `cannot DOING container` */
export function notRunning(doing: string, id: string): TsrunError {
  return new TsrunError(
    'ERR_NOT_RUNNING',
    `cannot ${doing} container "${id}": container not running`,
  );
}

/**
 * A pidfd, opened first and checked after: what has the right start time then
 * is the process that the pidfd is for.
 *
 * @returns the pidfd, or undefined when the process has ended
 * @throws TsrunError ERR_SYSTEM
 */
export function openInit(native: Native, state: InitProcess): number | undefined {
  if (state.pid <= 0) return undefined;
  const pidfd = native.pidfdOpen(state.pid);
  // EINVAL, ENOENT: the number is that of a thread, whose process has another one.
  if (pidfd === -ESRCH || pidfd === -EINVAL || pidfd === -ENOENT) return undefined;
  if (pidfd < 0) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `cannot open process ${state.pid} of container "${state.id}": ${native.strerror(-pidfd)}`,
      { errno: -pidfd },
    );
  }
  let alive = false;
  try {
    alive = isAlive(native, state.pid, state.startTime);
  } finally {
    if (!alive) native.close(pidfd);
  }
  return alive ? pidfd : undefined;
}
