/**
 * The start gate from the side of `start`.
 *
 * The helper blocks in opening the fifo for writing until we open it for
 * reading. Then it says, in this order:
 *
 *   0                              it has passed the gate
 *   F<step> <errno> <code> <text>  a step behind the gate failed; it ends
 *   end of the file                execve, which closes its side (or it was killed)
 */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EAGAIN, O_CLOEXEC, O_NONBLOCK, O_RDONLY, POLLIN } from '../native/constants.js';
import { waitFor } from '../native/wait.js';
import type { ContainerState } from '../state/state.js';
import { explainStep } from './explain.js';
import { waitForEither } from './wait-either.js';

/** PATH_MAX and the numbers before it. */
const MAX_RECORD = 8192;

/**
 * How long a process that has failed may take to end: it has nothing left to do.
 * It is waited for, so that `state` does not find it alive.
 */
const END_TIMEOUT_MS = 10_000;

/**
 * Opens the gate and waits until the program runs.
 *
 * @param pidfd of the container's first process
 * @throws TsrunError of the step that failed; ERR_NOT_RUNNING when the process ended at the gate
 */
export async function passGate(
  native: Native,
  state: ContainerState,
  fifo: string,
  pidfd: number,
): Promise<void> {
  const fd = native.open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) {
    throw new TsrunError('ERR_STATE', `cannot open ${fifo}: ${native.strerror(-fd)}`, {
      errno: -fd,
    });
  }
  try {
    const said = await readToEnd(native, fifo, fd, pidfd);
    if (said === '') {
      await waitFor(native, pidfd, POLLIN, END_TIMEOUT_MS, true);
      throw new TsrunError(
        'ERR_NOT_RUNNING',
        `cannot start container "${state.id}": its process has ended`,
      );
    }
    const failed = said.indexOf('F');
    if (failed >= 0) {
      await waitFor(native, pidfd, POLLIN, END_TIMEOUT_MS, true);
      throw failure(native, state, said.slice(failed));
    }
  } finally {
    native.close(fd);
  }
}

async function readToEnd(native: Native, path: string, fd: number, pidfd: number): Promise<string> {
  let said = '';
  let ended = false;
  // Somebody has opened the fifo: when it is at its end now, they have gone.
  let opened = false;
  for (;;) {
    const data = native.read(fd, MAX_RECORD);
    if (typeof data === 'object' && data.length > 0) {
      if (said.length < MAX_RECORD) said += text(data);
      opened = true;
      continue;
    }
    if (typeof data === 'number' && data !== -EAGAIN) {
      throw new TsrunError('ERR_STATE', `cannot read ${path}: ${native.strerror(-data)}`, {
        errno: -data,
      });
    }
    // Nothing more, and nobody who could say more. A fifo without a writer yet reads as ended, too.
    if (ended || (typeof data === 'object' && opened)) return said;
    if ((await waitForEither(native, fd, pidfd)) === 'first') opened = true;
    else ended = true;
  }
}

/** The text of a record is a path of the container: ASCII in practice. */
function text(data: Uint8Array): string {
  let result = '';
  for (const byte of data) result += String.fromCharCode(byte);
  return result;
}

function failure(native: Native, state: ContainerState, record: string): TsrunError {
  const fields = /^F(\d+) (\d+) (\d+) ([^\n]*)/.exec(record);
  const index = Number(fields?.[1]);
  const errno = Number(fields?.[2]);
  const late = state.lateSteps.find((entry) => entry.index === index);
  if (fields === null || late === undefined) {
    return new TsrunError(
      'ERR_SYSTEM',
      `cannot start container "${state.id}": its process failed behind the gate`,
    );
  }
  return explainStep(native, late.step, errno, Number(fields[3]), utf8(fields[4] ?? ''));
}

/** The record's bytes, one a character, as the UTF-8 they are. */
function utf8(bytes: string): string {
  let escaped = '';
  for (let i = 0; i < bytes.length; i++) {
    escaped += `%${bytes.charCodeAt(i).toString(16).padStart(2, '0')}`;
  }
  try {
    return decodeURIComponent(escaped);
  } catch {
    return bytes.replace(/[^\x20-\x7e]/g, '?');
  }
}
