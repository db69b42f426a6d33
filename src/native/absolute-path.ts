/** Paths that were given relative to the current directory. */

import { TsrunError } from '../errors.js';
import { resolve } from '../plan/path.js';
import type { Native } from './types.js';

/** @throws TsrunError ERR_SYSTEM when the current directory has no path */
export function absolutePath(native: Native, path: string): string {
  if (path.startsWith('/')) return path;
  const directory = native.realpath('.');
  if (typeof directory !== 'number') return resolve(directory, path);
  throw new TsrunError(
    'ERR_SYSTEM',
    `cannot find the current directory: ${native.strerror(-directory)}`,
    { errno: -directory },
  );
}
