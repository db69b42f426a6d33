/**
 * The text of `state.json`: a line of JSON each time something became known.
 * Of each kind of line the last one counts, so that `jq -s add state.json`
 * shows the whole.
 *
 * | line             | has                                                          |
 * | ---------------- | ------------------------------------------------------------ |
 * | `{"notedCgroup":` | the path of the cgroup, before that is made                 |
 * | `{"details":`    | what commands need that do something with the container      |
 * | `{"later":`      | what only `exec` and the failure of a start need             |
 * | `{"version":`    | the summary, which is the last line of a container that is created: `list` reads nothing else |
 *
 * What a summary goes with is written before it: who sees the summary has it too.
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
import { STATE_FILE, STATE_MODE } from './paths.js';

/** In bytes: far above what a state with thousands of annotations, and a process, come to. */
export const MAX_STATE = 16 << 20;
/** Of a file that is only read for its container to be removed. */
export const MAX_REMOVED = 256 << 20;

const DETAILS = '{"details":';
const LATER = '{"later":';
const SUMMARY = '{"version":';
const NOTE = '{"notedCgroup":';

/**
 * Makes the file, which must not be there yet.
 *
 * @param directory descriptor of the container's
 * @returns a descriptor for appendLine, or a negated errno
 */
export function makeStateFile(native: Native, directory: number): number {
  return native.openat(
    directory,
    STATE_FILE,
    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
    STATE_MODE,
  );
}

export function lineOf(fields: object): string {
  return `${stringifyJson(fields)}\n`;
}

/** A text's size in UTF-8; of a short one, at most that. */
export function bytesOf(text: string): number {
  if (text.length < 1 << 16) return 3 * text.length;
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // The four bytes of a surrogate pair are two for each of its units.
    if (unit >= 0x80) bytes += unit >= 0x800 && (unit & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return bytes;
}

/** @returns 0 or a negated errno */
export function appendText(native: Native, fd: number, text: string): number {
  const written = native.write(fd, text);
  return written < 0 ? written : 0;
}

type Fields = Record<string, unknown>;

/** The fields of the summary, undefined when that is not what the line is. */
export function summaryOf(line: string): Fields | undefined {
  return line.startsWith(SUMMARY) && line.endsWith('\n') ? parseObject(line) : undefined;
}

/** Those of the summary and of the details; of the summary alone when those cannot be read. */
export function stateOf(text: string): Fields | undefined {
  let summary = '';
  let details = '';
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf('\n', from);
    if (newline < 0) break;
    if (text.startsWith(SUMMARY, from)) summary = text.slice(from, newline);
    else if (text.startsWith(DETAILS, from)) details = text.slice(from, newline);
    from = newline + 1;
  }
  // Without a line of its own it may be one object, as a person or `jq -s add` has made it.
  const fields = parseObject(summary === '' ? text : summary);
  const more = details === '' ? fields : parseObject(details);
  if (fields !== undefined && isObject(more?.['details'])) {
    Object.assign(fields, more['details']);
  }
  return fields;
}

function parseObject(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (isObject(value)) return value;
  } catch {
    // Torn.
  }
  return undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** The path of the cgroup that was noted before it was made. */
export function notedCgroupOf(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const path = line.startsWith(NOTE) ? parseObject(line)?.['notedCgroup'] : undefined;
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
