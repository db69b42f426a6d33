/**
 * The table that `ps` prints: what the host's ps program says, of the
 * container's processes alone; on a host without one, a table of our own.
 */

import { TsrunError } from '../errors.js';
import { waitForExit } from '../lifecycle/child.js';
import { execute } from '../lifecycle/execute.js';
import { EAGAIN, POLLIN } from '../native/constants.js';
import type { Native } from '../native/types.js';
import { waitFor } from '../native/wait.js';
import { planProgram } from '../plan/hooks.js';
import type { Context } from './context.js';
import { ownTable } from './proc-table.js';

const CHUNK = 65536;

/**
 * @param psOptions of the ps program, `-ef` without any
 * @throws TsrunError ERR_EXEC when there is no ps program to take the options, ERR_SYSTEM
 *   when it fails or its options leave out the pid
 */
export async function processTable(
  context: Context,
  pids: readonly number[],
  psOptions: readonly string[],
): Promise<string | Uint8Array> {
  if (psOptions.length > 0)
    return bytes(linesOf(await capture(context, ['ps', ...psOptions]), pids));
  try {
    return bytes(linesOf(await capture(context, ['ps', '-ef']), pids));
  } catch (error) {
    if (!(error instanceof TsrunError) || error.code !== 'ERR_EXEC') throw error;
    return ownTable(context.native, pids);
  }
}

/** Of a table with a column PID, its header and the lines of these processes. */
export function linesOf(table: string, pids: readonly number[]): string {
  const [header = '', ...lines] = table.split('\n');
  const column = fields(header).indexOf('PID');
  if (column === -1) {
    throw new TsrunError('ERR_SYSTEM', 'cannot find the column PID in the output of ps');
  }
  const wanted = new Set(pids.map(String));
  const kept = lines.filter((line) => wanted.has(fields(line)[column] ?? ''));
  return [header, ...kept, ''].join('\n');
}

function fields(line: string): string[] {
  return line.trim().split(/\s+/);
}

/** What a program prints, one character a byte. */
async function capture(context: Context, args: readonly string[]): Promise<string> {
  const { native, environment } = context;
  const pipe = native.pipe();
  if (typeof pipe === 'number') throw failed(native, 'cannot make a pipe', pipe);
  const [reading, writing] = pipe;
  native.setNonblocking(reading, true);
  try {
    const env = Object.entries(environment).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    );
    const child = await execute(
      native,
      {
        cloneFlags: 0,
        cgroupFd: -1,
        stdio: [-1, writing, 2],
        preserve: [],
        fds: [],
        slots: 0,
        steps: planProgram({ path: args[0] ?? '', args, env }),
        trace: false,
      },
      {},
    ).finally(() => native.close(writing));
    const text = await readToEnd(native, reading);
    const exit = await waitForExit(native, child.pidfd);
    native.close(child.pidfd);
    if (typeof exit === 'object' && (exit.status !== 0 || exit.signal !== 0)) {
      const how = exit.signal === 0 ? `status ${exit.status}` : `signal ${exit.signal}`;
      throw new TsrunError('ERR_SYSTEM', `${args.join(' ')} ended with ${how}`);
    }
    return text;
  } finally {
    native.close(reading);
  }
}

async function readToEnd(native: Native, fd: number): Promise<string> {
  let text = '';
  for (;;) {
    const data = native.read(fd, CHUNK);
    if (data === -EAGAIN) {
      const events = await waitFor(native, fd, POLLIN, -1);
      if (events < 0) throw failed(native, 'cannot wait for ps', events);
    } else if (typeof data === 'number') {
      throw failed(native, 'cannot read the output of ps', data);
    } else if (data.length === 0) {
      return text;
    } else {
      for (const byte of data) text += String.fromCharCode(byte);
    }
  }
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function failed(native: Native, doing: string, error: number): TsrunError {
  return new TsrunError('ERR_SYSTEM', `${doing}: ${native.strerror(-error)}`, { errno: -error });
}
