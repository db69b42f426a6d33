/** A bundle: a directory with config.json (runtime-spec bundle.md). */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { ENOTDIR, ESPIPE, S_IFDIR, S_IFMT } from '../native/constants.js';
import { resolve } from '../plan/path.js';
import { parseSpec } from '../spec/load.js';
import type { Spec } from '../spec/types.js';

/** seccomp profiles make the largest ones, some 100 KiB. */
const MAX_CONFIG = 64 << 20;

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
  const text = native.readText(config, MAX_CONFIG);
  if (typeof text === 'number') {
    throw cannotRead(native, config, text);
  }
  return { path, spec: parseSpec(text) };
}

/** @param error what Native.readText() gave for a file of the caller's */
export function cannotRead(native: Native, path: string, error: number): TsrunError {
  const reason = error === -ESPIPE ? 'it is not a regular file' : native.strerror(-error);
  return new TsrunError('ERR_BUNDLE', `cannot read ${path}: ${reason}`, { errno: -error });
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
