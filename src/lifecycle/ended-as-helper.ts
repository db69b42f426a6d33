/** Which processes have executed no program of the container's. */

import { TsrunError } from '../errors.js';
import type { ExitInfo, Native } from '../native/types.js';
import { readProcessStat } from '../state/proc-stat.js';
import type { ProcessStat } from '../state/proc-stat.js';

/** kHelperName of native/wire/wire.h. */
const HELPER_NAME = 'tsrun/helper';

/**
 * Whether a process has ended, or is ending, as the helper: execve(2) changes the name, and a zombie
 * keeps it. One that lives with that name while its close-on-exec descriptors are closed is in its
 * execve, which sets the name after that. A program that gives itself this name (PR_SET_NAME) and ends
 * at once is taken for the helper: its container is said not to have started.
 *
 * @param startTime where the process is no child of ours, which its pid alone names
 * @returns false when it was reaped, too
 * @throws TsrunError ERR_SYSTEM when it cannot be looked at
 */
export function endedAsHelper(
  native: Native,
  process: { pid: number; startTime?: number },
): boolean {
  const stat = statOf(native, process);
  return stat !== undefined && stat.exiting && stat.comm === HELPER_NAME;
}

/**
 * Whether a process that has closed the helper's descriptors executed a program by that, which it may
 * have ended since.
 *
 * @returns false when it was reaped
 * @throws TsrunError ERR_SYSTEM when it cannot be looked at
 */
export function isProgram(native: Native, process: { pid: number; startTime?: number }): boolean {
  const stat = statOf(native, process);
  return stat !== undefined && (!stat.exiting || stat.comm !== HELPER_NAME);
}

/** Undefined of one that was reaped, whose pid may be another's. */
function statOf(
  native: Native,
  { pid, startTime }: { pid: number; startTime?: number },
): ProcessStat | undefined {
  const stat = readProcessStat(native, pid);
  return startTime === undefined || stat?.startTime === startTime ? stat : undefined;
}

/** The same as endedAsHelper() of a child of ours, whose end is told in any case: false when it cannot be looked at. */
export function childEndedAsHelper(native: Native, child: { pid: number }): boolean {
  try {
    return endedAsHelper(native, child);
  } catch (error) {
    if (error instanceof TsrunError) return false;
    throw error;
  }
}

/** kExitUntold of native/wire/wire.h: the exit status of a process that could not send its message. */
const EXIT_UNTOLD = 128;

/**
 * Why a process that ended could not exchange messages with its parent: the one that is set up waits
 * for bytes at a socket, then at the gate.
 *
 * @returns undefined when it told, or when it ended otherwise
 */
export function untoldError(native: Native, exit: ExitInfo | number): TsrunError | undefined {
  if (typeof exit === 'number' || exit.status <= EXIT_UNTOLD) return undefined;
  const errno = exit.status - EXIT_UNTOLD;
  const text = `cannot hear from the process while it is set up: ${native.strerror(errno)}`;
  return new TsrunError('ERR_SYSTEM', text, { errno });
}
