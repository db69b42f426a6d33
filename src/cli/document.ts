/** A JSON document that the caller names: a file, a fifo, or standard input. */

import { TsrunError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { MAX_DOCUMENT, unreadable } from '../lifecycle/bundle.js';
import {
  EAGAIN,
  EFBIG,
  EISDIR,
  O_CLOEXEC,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  POLLIN,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
} from '../native/constants.js';
import type { Native } from '../native/types.js';
import { waitFor } from '../native/wait.js';

const CHUNK = 64 * 1024;
const STDIN = 0;

/** How long the other end of a fifo or a pipe has for the whole document. */
const PATIENCE_MS = 10_000;

export interface Document {
  text: string;
  /** For messages. */
  name: string;
}

/**
 * @param file a path; `-` and `/dev/stdin` are standard input, of which the rest is read
 * @param code of the error when it cannot be read
 */
export async function readDocument(
  native: Native,
  file: string,
  code: ErrorCode,
): Promise<Document> {
  const stdin = file === '-' || file === '/dev/stdin';
  const name = stdin ? 'standard input' : file;
  const text = await (stdin ? readStream(native, STDIN) : readPath(native, file));
  if (typeof text === 'string') return { text, name };
  const { reason, ...details } = text;
  throw new TsrunError(code, `cannot read ${name}: ${reason}`, details);
}

interface Unread {
  reason: string;
  errno?: number;
}

function unread(native: Native, error: number): Unread {
  return { reason: unreadable(native, error), errno: -error };
}

/** Looks the path up once, and does not open it before it is known what it is: opening a device may do something. */
async function readPath(native: Native, path: string): Promise<string | Unread> {
  const found = native.open(path, O_PATH | O_CLOEXEC, 0);
  if (found < 0) return unread(native, found);
  try {
    const stat = native.fstat(found);
    if (typeof stat === 'number') return unread(native, stat);
    const again = `/proc/self/fd/${found}`;
    switch (stat.mode & S_IFMT) {
      case S_IFREG: {
        const text = native.readText(again, MAX_DOCUMENT);
        return typeof text === 'string' ? text : unread(native, text);
      }
      case S_IFIFO:
        return await readFifo(native, again);
      case S_IFDIR:
        return unread(native, -EISDIR);
      default:
        return { reason: 'it is neither a regular file nor a fifo' };
    }
  } finally {
    native.close(found);
  }
}

async function readFifo(native: Native, path: string): Promise<string | Unread> {
  // Does not wait for a writer: poll(2) does, and tells the first one to come from the last one gone.
  const fifo = native.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (fifo < 0) return unread(native, fifo);
  try {
    return await readStream(native, fifo);
  } finally {
    native.close(fifo);
  }
}

async function readStream(native: Native, fd: number): Promise<string | Unread> {
  const parts: Uint8Array[] = [];
  const deadline = native.monotonicNs() + PATIENCE_MS * 1e6;
  // Somebody who types takes as long as it takes.
  const patient = native.isTerminal(fd);
  for (let size = 0; size <= MAX_DOCUMENT;) {
    const left = Math.ceil((deadline - native.monotonicNs()) / 1e6);
    const ready = await waitFor(native, fd, POLLIN, patient ? -1 : Math.max(left, 0));
    if (ready < 0) return unread(native, ready);
    if (ready === 0) {
      return { reason: `its end has not come within ${PATIENCE_MS / 1000} seconds` };
    }
    const data = native.read(fd, CHUNK);
    if (data === -EAGAIN) continue;
    if (typeof data === 'number') return unread(native, data);
    if (data.length === 0) return decode(native, parts, size);
    parts.push(data);
    size += data.length;
  }
  return unread(native, -EFBIG);
}

/** The native side reads UTF-8, from files. */
function decode(native: Native, parts: readonly Uint8Array[], size: number): string | Unread {
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  const file = native.memfd('input', all);
  if (file < 0) return unread(native, file);
  const text = native.readText(`/proc/self/fd/${file}`, MAX_DOCUMENT);
  native.close(file);
  return typeof text === 'string' ? text : unread(native, text);
}
