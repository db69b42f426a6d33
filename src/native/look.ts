/**
 * Looking for what may not be there.
 *
 * Only some errors answer the question whether something is there. Any other (no memory, no
 * descriptor, no right) says that nobody could look: it is thrown, and never taken for "absent".
 */

import { TsrunError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { EACCES, ENODEV, ENOENT, ENOTDIR, EPERM, EROFS, ESRCH } from './constants.js';
import type { Native } from './types.js';

/**
 * Whether a negated errno says that there is none: no such name (ENOENT, ENOTDIR), no such process
 * behind a file of /proc (ESRCH), no such cgroup behind an open file (ENODEV).
 */
export function isAbsent(status: number): boolean {
  return status === -ENOENT || status === -ENOTDIR || status === -ESRCH || status === -ENODEV;
}

/** Whether a negated errno says that the caller may not write there. */
export function isDenied(status: number): boolean {
  return status === -EACCES || status === -EPERM || status === -EROFS;
}

/** @param doing as in `cannot DOING: REASON` */
export function cannotLook(
  native: Native,
  doing: string,
  status: number,
  code: ErrorCode = 'ERR_SYSTEM',
): TsrunError {
  return new TsrunError(code, `cannot ${doing}: ${native.strerror(-status)}`, { errno: -status });
}

/**
 * The text of a file, as Native.readText().
 *
 * @returns undefined when there is no such file
 * @throws TsrunError when it cannot be read although it is there, or when that cannot be found out
 */
export function readIfThere(
  native: Native,
  path: string,
  max: number,
  code?: ErrorCode,
): string | undefined {
  const text = native.readText(path, max);
  if (typeof text === 'string') return text;
  if (isAbsent(text)) return undefined;
  throw cannotLook(native, `read ${path}`, text, code);
}

/** The same of a file that every system has. */
export function readOrThrow(native: Native, path: string, max: number, code?: ErrorCode): string {
  const text = native.readText(path, max);
  if (typeof text === 'string') return text;
  throw cannotLook(native, `read ${path}`, text, code);
}
