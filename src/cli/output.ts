/** Writing to standard output and error, which may be pipes that are full or non-blocking. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EAGAIN, POLLOUT } from '../native/constants.js';
import { waitFor } from '../native/wait.js';
import { escapedJson } from '../printable.js';
import { stringifyJson } from '../spec/json.js';

/**
 * @param patienceMs how long to wait for room at a time, -1 for ever
 * @returns 0, or a negated errno: -EAGAIN when the patience has ended
 */
export async function writeAll(
  native: Native,
  fd: number,
  data: string | Uint8Array,
  patienceMs = -1,
): Promise<number> {
  for (;;) {
    const written = native.write(fd, data);
    if (written !== -EAGAIN) return written < 0 ? written : 0;
    const events = await waitFor(native, fd, POLLOUT, patienceMs);
    if (events <= 0) return events < 0 ? events : -EAGAIN;
  }
}

/**
 * Prints the result of a command.
 *
 * @throws TsrunError ERR_SYSTEM: a result that nobody gets is a failure
 */
export async function print(native: Native, text: string | Uint8Array): Promise<void> {
  const written = await writeAll(native, 1, text);
  if (written < 0) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `cannot write to standard output: ${native.strerror(-written)}`,
      { errno: -written },
    );
  }
}

/** For programs in Go: as their encoder writes it, which does not write `<`, `>` and `&` as they are. */
export function toGoJson(value: unknown, indent = 0): string {
  return toJson(value, indent).replace(
    /[<>&]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

/** Indented as runc indents its answers; on one line with an indent of 0. */
export function toJson(value: unknown, indent = 2): string {
  return `${escapedJson(stringifyJson(value, indent))}\n`;
}
