/**
 * The start gate from the side of `start`.
 *
 * The helper waits for the first of two bytes in exec.fifo, and reads the rest right before execve.
 * Behind the gate it tells the end of its work in exec.report:
 *
 *   F<step> <errno> <code> <text>  a step behind the gate failed; it ends
 *   end of the file                execve, which closes its side, or its death
 *
 * Death before execve is seen by what it leaves: a byte in the fifo, and the name of the process.
 *
 * It holds both fifos open for reading and writing, so that neither side ever
 * blocks in open(2): a fifo without it has nobody at the other end (ENXIO).
 *
 * `run`, which nobody else can come before, has two pipes instead: a fifo costs
 * an inode of the file system, its removal, and two more opens. The end of the
 * gate's pipe ends the helper, so that a `run` that is killed leaves no container
 * behind that waits for its start.
 */

import type { ExitInfo, Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EAGAIN, ENXIO, O_NONBLOCK, O_RDONLY, O_WRONLY, POLLIN } from '../native/constants.js';
import { latin1 } from '../native/latin1.js';
import { delay, waitFor } from '../native/wait.js';
import { EXEC_FIFO, EXEC_REPORT, statePath } from '../state/paths.js';
import type { StateRoot } from '../state/root.js';
import { openFile, readLater, stateError } from '../state/store.js';
import type { ContainerState } from '../state/state.js';
import { childEndedAsHelper, endedAsHelper, isProgram, untoldError } from './ended-as-helper.js';
import { explainStep } from './explain.js';
import { waitForEither } from './wait-either.js';

/** The two pipes; `start` closes what is here of them. */
export interface OpenGate {
  /** Where the bytes are written; -1 when that was closed. */
  knock: number;
  /** Where the helper reads them: kept, so that writing to a helper that has died raises no SIGPIPE. */
  fifo: number;
  /** What is read to its end; it does not block. */
  report: number;
}

export function closeGate(native: Native, gate: OpenGate): void {
  for (const fd of [gate.knock, gate.fifo, gate.report]) if (fd >= 0) native.close(fd);
}

/** For the gate, and for execve: pipe(7) takes both at once or none. */
const BYTES = '00';

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
  root: StateRoot,
  state: ContainerState,
  pidfd: number,
  gate?: OpenGate,
): Promise<void> {
  // Before the gate is opened, so that nothing said can be missed.
  const execReport = statePath(root, state.id, EXEC_REPORT);
  const report = gate?.report ?? openReport(native, root, state.id);
  let fifo = -1;
  try {
    let exit: Exit;
    if (gate === undefined) fifo = knock(native, root, state);
    else exit = knockAtPipe(native, gate, pidfd);
    // A helper that failed before the gate was opened has said why, too.
    const said = await readToEnd(native, state, execReport, report, pidfd);
    const failed = said.indexOf('F');
    if (failed >= 0) {
      // It says so with its last breath: `state` is not to find it alive any more.
      await waitFor(native, pidfd, POLLIN, END_TIMEOUT_MS, true);
      throw failure(native, root, state.id, said.slice(failed));
    }
    if (exit !== undefined || (gate === undefined && fifo < 0)) throw ended(native, state, exit);
    if (gate !== undefined) stopKnocking(native, gate);
    // A `start` that was killed may have opened the gate before us: then nobody reads our bytes.
    const unread = isUnread(native, state, gate?.fifo ?? fifo);
    if (unread && (gate !== undefined || !hasExecuted(native, state))) {
      throw ended(native, state, gate === undefined ? undefined : await exitOf(native, pidfd));
    }
    if (diedInExecve(native, state, gate !== undefined)) throw ended(native, state);
  } finally {
    if (gate === undefined) native.close(report);
    if (fifo >= 0) native.close(fifo);
  }
}

/** Without a writer nobody who reads from the fifo waits. */
function stopKnocking(native: Native, gate: OpenGate): void {
  native.close(gate.knock);
  gate.knock = -1;
}

/** Whether a byte is still in the fifo. The helper, which read it or died, has closed its side. */
function isUnread(native: Native, state: ContainerState, fifo: number): boolean {
  const data = native.read(fifo, 1);
  if (typeof data === 'object') return data.length > 0;
  if (data === -EAGAIN) return false;
  throw unknown(state, `cannot read from a fifo: ${native.strerror(-data)}`, -data);
}

/** @param isOurs the process is a child of ours */
function diedInExecve(native: Native, state: ContainerState, isOurs: boolean): boolean {
  return isOurs ? childEndedAsHelper(native, state) : look(native, state, endedAsHelper);
}

function hasExecuted(native: Native, state: ContainerState): boolean {
  return look(native, state, isProgram);
}

function look(native: Native, state: ContainerState, at: typeof isProgram): boolean {
  try {
    return at(native, state);
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    throw unknown(state, error.message, error.errno ?? 0);
  }
}

/** The gate is open, and what came of it cannot be found out. */
function unknown(state: ContainerState, reason: string, errno: number): TsrunError {
  const text = `cannot tell whether the program of container "${state.id}" runs: ${reason}`;
  return new TsrunError('ERR_STATE', text, { errno });
}

function openReport(native: Native, root: StateRoot, id: string): number {
  const fd = openFile(native, root, id, EXEC_REPORT, O_RDONLY | O_NONBLOCK);
  if (fd >= 0) return fd;
  throw stateError(native, 'cannot open', statePath(root, id, EXEC_REPORT), fd);
}

/** How a child of ours has ended; undefined when it has not, or when it is not ours to reap. */
type Exit = ExitInfo | undefined;

function reaped(native: Native, pidfd: number): Exit {
  const exit = native.reap(pidfd);
  return typeof exit === 'number' ? undefined : exit;
}

/** The same of one that has nothing left to do. */
async function exitOf(native: Native, pidfd: number): Promise<Exit> {
  await waitFor(native, pidfd, POLLIN, END_TIMEOUT_MS, true);
  return reaped(native, pidfd);
}

/** @returns how the process has ended before */
function knockAtPipe(native: Native, { knock }: OpenGate, pidfd: number): Exit {
  // It is ours to reap: nothing waits for the exit status of what was never started.
  const exit = reaped(native, pidfd);
  if (exit !== undefined) return exit;
  const written = native.write(knock, BYTES);
  if (written >= 0) return undefined;
  throw new TsrunError('ERR_SYSTEM', `cannot write to a pipe: ${native.strerror(-written)}`, {
    errno: -written,
  });
}

function ended(native: Native, state: ContainerState, exit?: ExitInfo): TsrunError {
  const untold = exit === undefined ? undefined : untoldError(native, exit);
  if (untold !== undefined) return untold;
  const text = `cannot start container "${state.id}": its process has ended`;
  return new TsrunError('ERR_NOT_RUNNING', text);
}

/** @returns the fifo for reading, in which stays what the helper does not read; -1 when the process has ended */
function knock(native: Native, root: StateRoot, state: ContainerState): number {
  const open = (access: number): number =>
    openFile(native, root, state.id, EXEC_FIFO, access | O_NONBLOCK);
  const fd = open(O_WRONLY);
  if (fd === -ENXIO) return -1;
  const fifo = fd < 0 ? fd : open(O_RDONLY);
  const written = fifo < 0 ? fifo : native.write(fd, BYTES);
  if (fd >= 0) native.close(fd);
  if (written >= 0) return fifo;
  if (fifo >= 0) native.close(fifo);
  throw stateError(native, 'cannot write to', statePath(root, state.id, EXEC_FIFO), written);
}

async function readToEnd(
  native: Native,
  state: ContainerState,
  path: string,
  fd: number,
  pidfd: number,
): Promise<string> {
  let said = '';
  let ended = false;
  for (;;) {
    const data = native.read(fd, MAX_RECORD);
    if (typeof data === 'object' && data.length > 0) {
      // The text of a record is a path of the container: ASCII in practice.
      if (said.length < MAX_RECORD) said += latin1(data);
      continue;
    }
    if (typeof data === 'number' && data !== -EAGAIN) {
      throw unknown(state, `cannot read ${path}: ${native.strerror(-data)}`, -data);
    }
    // Nothing more, and nobody who could say more.
    if (ended || typeof data === 'object') return said;
    ended = await waitForWord(native, fd, pidfd);
  }
}

/**
 * The gate is open and the program may run: want of a descriptor to wait with does not make the start
 * fail, which goes on looking.
 *
 * @returns whether the process has ended, as far as that is known
 */
async function waitForWord(native: Native, report: number, pidfd: number): Promise<boolean> {
  try {
    return (await waitForEither(native, report, pidfd)) === 'second';
  } catch (error) {
    if (!(error instanceof TsrunError) || (await delay(native, 1)) < 0) throw error;
    return false;
  }
}

function failure(native: Native, root: StateRoot, id: string, record: string): TsrunError {
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
