/**
 * The start gate from the side of `start`.
 *
 * The helper waits for a byte in exec.fifo. Behind the gate it tells the end of
 * its work in exec.report:
 *
 *   F<step> <errno> <code> <text>  a step behind the gate failed; it ends
 *   end of the file                execve, which closes its side (or it was killed)
 *
 * It holds both fifos open for reading and writing, so that neither side ever
 * blocks in open(2): a fifo without it has nobody at the other end (ENXIO).
 *
 * `run`, which nobody else can come before, has two pipes instead: a fifo costs
 * an inode of the file system, its removal, and two more opens. The end of the
 * gate's pipe ends the helper, so that a `run` that is killed leaves no container
 * behind that waits for its start.
 */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  EAGAIN,
  ENXIO,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  POLLIN,
} from '../native/constants.js';
import { waitFor } from '../native/wait.js';
import { statePaths } from '../state/paths.js';
import { readLater } from '../state/store.js';
import type { ContainerState } from '../state/state.js';
import { explainStep } from './explain.js';
import { waitForEither } from './wait-either.js';

/** The two pipes; `start` closes what is here of them. */
export interface OpenGate {
  /** Where the byte is written. */
  knock: number;
  /** Where the helper reads it: kept, so that writing to a helper that has died raises no SIGPIPE. */
  fifo: number;
  /** What is read to its end; it does not block. */
  report: number;
}

export function closeGate(native: Native, gate: OpenGate): void {
  for (const fd of [gate.knock, gate.fifo, gate.report]) native.close(fd);
}

/** PATH_MAX and the numbers before it. */
const MAX_RECORD = 8192;

/** How long a process that has failed may take to end: it has nothing left to do. */
const END_TIMEOUT_MS = 10_000;

/**
 * Opens the gate and waits until the program runs.
 *
 * @param pidfd of the container's first process
 * @param gate the pipes, where the container has no fifos
 * @throws TsrunError of the step that failed; ERR_NOT_RUNNING when the process ended at the gate
 */
export async function passGate(
  native: Native,
  root: string,
  state: ContainerState,
  pidfd: number,
  gate?: OpenGate,
): Promise<void> {
  const { execFifo, execReport } = statePaths(root, state.id);
  // Before the gate is opened, so that nothing said can be missed.
  const report = gate?.report ?? open(native, execReport, O_RDONLY);
  try {
    if (gate === undefined) knock(native, state, execFifo);
    else knockAtPipe(native, state, gate, pidfd);
    const said = await readToEnd(native, execReport, report, pidfd);
    const failed = said.indexOf('F');
    if (failed >= 0) {
      // It says so with its last breath: `state` is not to find it alive any more.
      await waitFor(native, pidfd, POLLIN, END_TIMEOUT_MS, true);
      throw failure(native, root, state.id, said.slice(failed));
    }
  } finally {
    if (gate === undefined) native.close(report);
  }
}

function open(native: Native, path: string, access: number): number {
  const fd = native.open(path, access | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd >= 0) return fd;
  throw new TsrunError('ERR_STATE', `cannot open ${path}: ${native.strerror(-fd)}`, {
    errno: -fd,
  });
}

function knockAtPipe(
  native: Native,
  state: ContainerState,
  { knock }: OpenGate,
  pidfd: number,
): void {
  // It is ours to reap: nothing waits for the exit status of what was never started.
  if (typeof native.reap(pidfd) !== 'number') throw ended(state);
  const written = native.write(knock, '0');
  if (written >= 0) return;
  throw new TsrunError('ERR_SYSTEM', `cannot write to a pipe: ${native.strerror(-written)}`, {
    errno: -written,
  });
}

function ended(state: ContainerState): TsrunError {
  return new TsrunError(
    'ERR_NOT_RUNNING',
    `cannot start container "${state.id}": its process has ended`,
  );
}

function knock(native: Native, state: ContainerState, path: string): void {
  const fd = native.open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd === -ENXIO) throw ended(state);
  const written = fd < 0 ? fd : native.write(fd, '0');
  if (fd >= 0) native.close(fd);
  if (written < 0) {
    throw new TsrunError('ERR_STATE', `cannot write to ${path}: ${native.strerror(-written)}`, {
      errno: -written,
    });
  }
}

async function readToEnd(native: Native, path: string, fd: number, pidfd: number): Promise<string> {
  let said = '';
  let ended = false;
  for (;;) {
    const data = native.read(fd, MAX_RECORD);
    if (typeof data === 'object' && data.length > 0) {
      if (said.length < MAX_RECORD) said += text(data);
      continue;
    }
    if (typeof data === 'number' && data !== -EAGAIN) {
      throw new TsrunError('ERR_STATE', `cannot read ${path}: ${native.strerror(-data)}`, {
        errno: -data,
      });
    }
    // Nothing more, and nobody who could say more.
    if (ended || typeof data === 'object') return said;
    ended = (await waitForEither(native, fd, pidfd)) === 'second';
  }
}

/** The text of a record is a path of the container: ASCII in practice. */
function text(data: Uint8Array): string {
  let result = '';
  for (const byte of data) result += String.fromCharCode(byte);
  return result;
}

function failure(native: Native, root: string, id: string, record: string): TsrunError {
  const fields = /^F(\d+) (\d+) (\d+) ([^\n]*)/.exec(record);
  const index = Number(fields?.[1]);
  const errno = Number(fields?.[2]);
  const later = readLater(native, root, id);
  const late = later.lateSteps.find((entry) => entry.index === index);
  if (fields === null || late === undefined) {
    return new TsrunError(
      'ERR_SYSTEM',
      `cannot start container "${id}": its process failed behind the gate`,
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
