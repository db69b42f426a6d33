/**
 * The text of `state.json`: a line of JSON each time something became known.
 * Fields of a later line replace those of the earlier ones, so that
 * `jq -s add state.json` shows the whole.
 *
 * A file that only grows needs no other one to take its place, which costs an
 * inode and a rename; and ext4 begins to write a file that was renamed over
 * another one to the disk, which its removal then waits for. A reader needs no
 * lock: it sees a line whole or takes it for not yet written, and so is what a
 * crash leaves of one.
 */

import type { Native } from '../native/types.js';
import { O_APPEND, O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY } from '../native/constants.js';
import { stringifyJson } from '../spec/json.js';

/** In bytes: far above what a state with thousands of annotations, and a process, come to. */
export const MAX_STATE = 16 << 20;

/** What few commands need has a line of its own, the last one, and the others do not read it. */
const LATER = '{"later":';
const NOTE = '{"notedCgroup":';

/**
 * Makes the file, which must not be there yet.
 *
 * @returns a descriptor for appendLine, or a negated errno
 */
export function makeStateFile(native: Native, path: string): number {
  return native.open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600);
}

export function lineOf(fields: object): string {
  return `${stringifyJson(fields)}\n`;
}

/** @returns 0 or a negated errno */
export function appendLines(native: Native, fd: number, lines: readonly object[]): number {
  return appendText(native, fd, lines.map(lineOf).join(''));
}

/** As appendLines(), of lines that were made before. */
export function appendText(native: Native, fd: number, text: string): number {
  const written = native.write(fd, text);
  return written < 0 ? written : 0;
}

/** What the lines say together, but for that of `later`, which is the last one; undefined when there is none. */
export function fieldsOf(text: string): Record<string, unknown> | undefined {
  let fields: Record<string, unknown> | undefined;
  for (let from = 0; from < text.length;) {
    if (text.startsWith(LATER, from)) break;
    const newline = text.indexOf('\n', from);
    const to = newline < 0 ? text.length : newline;
    if (to > from) {
      const more = parseLine(text.slice(from, to));
      if (fields === undefined) fields = more;
      else if (more !== undefined) Object.assign(fields, more);
    }
    from = to + 1;
  }
  return fields;
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Torn.
  }
  return undefined;
}

/** The path of the cgroup that was noted before it was made. */
export function notedCgroupOf(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const path = line.startsWith(NOTE) ? parseLine(line)?.['notedCgroup'] : undefined;
    if (typeof path === 'string' && path.startsWith('/')) return path;
  }
  return undefined;
}

/** The line `{"later": ...}` of the text, undefined when there is none. */
export function laterLine(text: string): string | undefined {
  const from = text.startsWith(LATER) ? 0 : text.indexOf(`\n${LATER}`) + 1;
  if (from === 0 && !text.startsWith(LATER)) return undefined;
  const newline = text.indexOf('\n', from);
  return newline < 0 ? undefined : text.slice(from, newline);
}
