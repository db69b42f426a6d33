/** A bundle: a directory with config.json (runtime-spec bundle.md). */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EFBIG, ENOTDIR, ESPIPE, S_IFDIR, S_IFMT } from '../native/constants.js';
import { resolve } from '../plan/path.js';
import { parseSpec } from '../spec/load.js';
import type { Spec } from '../spec/types.js';

/**
 * Of a config.json, and of what other commands read that is like it, in bytes. Seccomp
 * profiles make the largest ones, some 100 KiB; a state that keeps more could not be read.
 */
export const MAX_DOCUMENT = 16 << 20;

export interface Bundle {
  /** Absolute path of the directory, without links. */
  path: string;
  spec: Spec;
}

/**
 * Reads and validates a bundle.
 *
 * @throws TsrunError ERR_BUNDLE when it cannot be read, ERR_CONFIG_INVALID
 */
export function loadBundle(native: Native, directory: string): Bundle {
  const path = bundlePath(native, directory);
  const config = `${path}/config.json`;
  const text = native.readText(config, MAX_DOCUMENT);
  if (typeof text === 'number') {
    throw cannotRead(native, config, text);
  }
  return { path, spec: parseSpec(text) };
}

/** @param error what Native.readText() gave for a file of the caller's */
export function cannotRead(native: Native, path: string, error: number): TsrunError {
  return new TsrunError('ERR_BUNDLE', `cannot read ${path}: ${unreadable(native, error)}`, {
    errno: -error,
  });
}

/** Why readText() did not read a document. */
export function unreadable(native: Native, error: number): string {
  if (error === -ESPIPE) return 'it is not a regular file';
  if (error === -EFBIG) return `it is larger than ${MAX_DOCUMENT >> 20} MiB`;
  return native.strerror(-error);
}

/** @throws TsrunError ERR_BUNDLE when there is no such directory */
export function bundlePath(native: Native, directory: string): string {
  const path = native.realpath(directory === '' ? '.' : directory);
  if (typeof path === 'number') {
    throw new TsrunError(
      'ERR_BUNDLE',
      `cannot open bundle ${directory}: ${native.strerror(-path)}`,
      {
        errno: -path,
      },
    );
  }
  return path;
}

/**
 * Absolute path of the root file system, without links.
 *
 * @throws TsrunError ERR_BUNDLE when it is not a directory
 */
export function rootfsPath(native: Native, bundle: string, spec: Spec): string {
  const given = resolve(bundle, spec.root?.path ?? '');
  const path = native.realpath(given);
  if (typeof path === 'number') throw noRootfs(given, native.strerror(-path), -path);
  const stat = native.stat(path);
  if (typeof stat === 'number') throw noRootfs(given, native.strerror(-stat), -stat);
  if ((stat.mode & S_IFMT) !== S_IFDIR) throw noRootfs(given, 'not a directory', ENOTDIR);
  return path;
}

function noRootfs(path: string, reason: string, errno: number): TsrunError {
  return new TsrunError(
    'ERR_BUNDLE',
    `/root/path: cannot use ${path} as root file system: ${reason}`,
    { errno, pointer: '/root/path' },
  );
}
