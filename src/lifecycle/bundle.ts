/** A bundle: a directory with config.json (runtime-spec bundle.md). */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EFBIG, ESPIPE, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../native/constants.js';
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
    throw new TsrunError('ERR_BUNDLE', `cannot read ${config}: ${unreadable(native, text)}`, {
      errno: -text,
    });
  }
  return { path, spec: parseSpec(text) };
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

export interface Rootfs {
  /** O_PATH, the caller's to close. */
  fd: number;
  /** Absolute path, without links. */
  path: string;
}

/**
 * The root file system: looked up here, and nowhere else.
 *
 * @throws TsrunError ERR_BUNDLE when it is not a directory
 */
export function openRootfs(native: Native, bundle: string, spec: Spec): Rootfs {
  const given = resolve(bundle, spec.root?.path ?? '');
  const fd = native.open(given, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0) throw noRootfs(given, native.strerror(-fd), -fd);
  const path = native.readlink(`/proc/self/fd/${fd}`);
  if (typeof path === 'string') return { fd, path };
  native.close(fd);
  throw noRootfs(given, native.strerror(-path), -path);
}

function noRootfs(path: string, reason: string, errno: number): TsrunError {
  return new TsrunError(
    'ERR_BUNDLE',
    `/root/path: cannot use ${path} as root file system: ${reason}`,
    { errno, pointer: '/root/path' },
  );
}
