/** Runs a program of the host's to its end: hooks, newuidmap. */

import type { ExitInfo, Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { SIGKILL } from '../native/constants.js';
import type { Step } from '../plan/steps.js';
import { killAndReap, waitForExit } from './child.js';
import { execute } from './execute.js';
import { OutputReader } from './output.js';

export interface ProgramRequest {
  /** What starts it: planProgram(), planHook(). */
  steps: readonly Step[];
  /** What the program reads on its standard input. */
  input: string;
  /** Milliseconds after which it is killed with its process group, 0 for no limit. */
  timeoutMs: number;
}

export type ProgramResult = (
  | { kind: 'exited'; exit: ExitInfo }
  | { kind: 'timeout' }
  /** It could not be started. */
  | { kind: 'failed'; error: TsrunError }
) & { /** Of its standard output and error, as one line. */ output: string };

export async function runProgram(native: Native, request: ProgramRequest): Promise<ProgramResult> {
  const input = native.memfd('input', request.input);
  if (input < 0) return cannotPrepare(native, -input);
  const pipe = native.pipe();
  if (typeof pipe === 'number') {
    native.close(input);
    return cannotPrepare(native, -pipe);
  }
  const [reading, writing] = pipe;
  native.setNonblocking(reading, true);
  const output = new OutputReader(native, reading);
  const deadline =
    request.timeoutMs > 0 ? native.monotonicNs() + request.timeoutMs * 1e6 : Infinity;

  let child;
  try {
    child = await execute(
      native,
      {
        cloneFlags: 0,
        earlyNamespaces: 0,
        cgroupFd: -1,
        stdio: [input, writing, writing],
        preserve: [],
        fds: [],
        slots: 0,
        steps: request.steps,
        trace: false,
      },
      {},
    );
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    return { kind: 'failed', error, output: output.stop() };
  } finally {
    native.close(input);
    native.close(writing);
  }

  try {
    const exit = await waitForExit(native, child.pidfd, true, deadline);
    if (exit === undefined) {
      // Not reaped yet: the number is still its own, and so is a group of that number.
      native.kill(-child.pid, SIGKILL);
      await killAndReap(native, child.pidfd);
      return { kind: 'timeout', output: output.stop() };
    }
    const printed = output.stop();
    if (typeof exit === 'number') return { ...cannotPrepare(native, -exit), output: printed };
    return { kind: 'exited', exit, output: printed };
  } finally {
    native.close(child.pidfd);
  }
}

function cannotPrepare(native: Native, errno: number): ProgramResult {
  const error = new TsrunError('ERR_SYSTEM', `cannot start it: ${native.strerror(errno)}`, {
    errno,
  });
  return { kind: 'failed', error, output: '' };
}
