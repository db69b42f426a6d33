/**
 * The table that `ps` prints: what the host's ps program says, of the
 * container's processes alone; on a host without one, a table of our own.
 */

import { TsrunError } from '../errors.js';
import { killAndReap, waitForExit } from '../lifecycle/child.js';
import { execute } from '../lifecycle/execute.js';
import { EAGAIN, POLLIN } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { waitFor } from '../native/wait.js';
import { planProgram } from '../plan/hooks.js';
import { printableBytes } from '../printable.js';
import { variables } from '../variables.js';
import type { Context } from './context.js';
import { print } from './output.js';
import { ownTable } from './proc-table.js';

const CHUNK = 65536;

/** Many times what a ps program shows of one process (128 KiB of arguments). */
const LINE_MAX = 1 << 20;

const NEW_LINE = 10;

/**
 * Prints the table, as it comes: a machine may have many processes, whose arguments are long.
 *
 * @param psOptions of the ps program, `-ef` without any
 * @throws TsrunError ERR_EXEC when there is no ps program to take the options, ERR_SYSTEM
 *   when it fails, its options leave out the pid, or it prints a line without an end
 */
export async function printProcessTable(
  context: Context,
  pids: readonly number[],
  psOptions: readonly string[],
): Promise<void> {
  const { native } = context;
  const args = ['ps', ...(psOptions.length > 0 ? psOptions : ['-ef'])];
  const lines = new ProcessLines(pids);
  const printAll = async (kept: readonly Uint8Array[]): Promise<void> => {
    // Which characters ps itself replaces depends on the program and on the locale.
    for (const line of kept) await print(native, `${printableBytes(line.subarray(0, -1))}\n`);
  };
  try {
    await capture(context, args, (data) => printAll(lines.take(data)));
  } catch (error) {
    const isMissing = error instanceof TsrunError && error.code === 'ERR_EXEC';
    if (!isMissing || psOptions.length > 0) throw error;
    return print(native, ownTable(native, pids));
  }
  await printAll(lines.end());
}

/** Of a table with a column PID, its header and the lines of these processes. */
export class ProcessLines {
  private readonly wanted: ReadonlySet<string>;
  /** Of the PID; undefined before the header. */
  private column: number | undefined;
  /** What has come of a line that has no end yet. */
  private rest: Uint8Array[] = [];
  private restSize = 0;

  constructor(pids: readonly number[]) {
    this.wanted = new Set(pids.map(String));
  }

  /** @returns those that are whole and to be printed */
  take(data: Uint8Array): Uint8Array[] {
    const kept: Uint8Array[] = [];
    let start = 0;
    for (;;) {
      const end = data.indexOf(NEW_LINE, start);
      this.rest.push(data.subarray(start, end === -1 ? data.length : end + 1));
      this.restSize += (end === -1 ? data.length : end + 1) - start;
      if (this.restSize > LINE_MAX) {
        throw new TsrunError(
          'ERR_SYSTEM',
          `cannot take the output of ps: a line of more than ${LINE_MAX} bytes`,
        );
      }
      if (end === -1) return kept;
      kept.push(...this.line());
      start = end + 1;
    }
  }

  /** @returns the last line, if it has no end and is to be printed */
  end(): Uint8Array[] {
    if (this.restSize === 0 && this.column !== undefined) return [];
    this.rest.push(Uint8Array.of(NEW_LINE));
    this.restSize += 1;
    return this.line();
  }

  private line(): Uint8Array[] {
    const line = new Uint8Array(this.restSize);
    let size = 0;
    for (const part of this.rest) {
      line.set(part, size);
      size += part.length;
    }
    this.rest = [];
    this.restSize = 0;
    if (this.column === undefined) {
      this.column = columnOf(line, 'PID');
      return [line];
    }
    return this.wanted.has(field(line, this.column) ?? '') ? [line] : [];
  }
}

function columnOf(header: Uint8Array, name: string): number {
  for (let column = 0; ; column++) {
    const found = field(header, column);
    if (found === name) return column;
    if (found === undefined) {
      throw new TsrunError('ERR_SYSTEM', `cannot find the column ${name} in the output of ps`);
    }
  }
}

/**
 * The text between blanks that is the n-th, if it may be a pid or its name: no more of a line is
 * looked at than it takes.
 *
 * @returns undefined when there are not as many
 */
function field(line: Uint8Array, n: number): string | undefined {
  let at = 0;
  for (let index = 0; ; index++) {
    while (at < line.length && isBlank(line[at])) at++;
    if (at === line.length) return undefined;
    const start = at;
    while (at < line.length && !isBlank(line[at])) at++;
    if (index === n) return at - start > 20 ? '' : String.fromCharCode(...line.subarray(start, at));
  }
}

function isBlank(byte = 0): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}

/** Gives what a program prints to `take`. */
async function capture(
  context: Context,
  args: readonly string[],
  take: (data: Uint8Array) => Promise<void>,
): Promise<void> {
  const { native, environment } = context;
  const pipe = native.pipe();
  if (typeof pipe === 'number') throw failed(native, 'cannot make a pipe', pipe);
  const [reading, writing] = pipe;
  native.setNonblocking(reading, true);
  try {
    const child = await execute(
      native,
      {
        cloneFlags: 0,
        earlyNamespaces: 0,
        cgroupFd: -1,
        stdio: [-1, writing, 2],
        preserve: [],
        fds: [],
        slots: 0,
        steps: planProgram({ path: args[0] ?? '', args, env: variables(environment) }),
        trace: false,
      },
      {},
    ).finally(() => native.close(writing));
    try {
      await readToEnd(native, reading, take).catch(async (error: unknown) => {
        await killAndReap(native, child.pidfd);
        throw error;
      });
      const exit = await waitForExit(native, child.pidfd);
      if (typeof exit === 'number') throw failed(native, 'cannot wait for ps', exit);
      if (exit.status !== 0 || exit.signal !== 0) {
        const how = exit.signal === 0 ? `status ${exit.status}` : `signal ${exit.signal}`;
        throw new TsrunError('ERR_SYSTEM', `${args.join(' ')} ended with ${how}`);
      }
    } finally {
      native.close(child.pidfd);
    }
  } finally {
    native.close(reading);
  }
}

async function readToEnd(
  native: Native,
  fd: number,
  take: (data: Uint8Array) => Promise<void>,
): Promise<void> {
  for (;;) {
    const data = native.read(fd, CHUNK);
    if (data === -EAGAIN) {
      const events = await waitFor(native, fd, POLLIN, -1);
      if (events < 0) throw failed(native, 'cannot wait for ps', events);
    } else if (typeof data === 'number') {
      throw failed(native, 'cannot read the output of ps', data);
    } else if (data.length === 0) {
      return;
    } else {
      await take(data);
    }
  }
}

function failed(native: Native, doing: string, error: number): TsrunError {
  return new TsrunError('ERR_SYSTEM', `${doing}: ${native.strerror(-error)}`, { errno: -error });
}
