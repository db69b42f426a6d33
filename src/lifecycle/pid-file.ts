/** `--pid-file`. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from '../native/constants.js';
import { writeFileAtomically } from '../state/atomic-file.js';

/**
 * Writes the bare number: containerd parses the file's raw bytes, so no
 * newline, and no reader ever sees a part of it.
 *
 * @throws TsrunError ERR_STATE
 */
export function writePidFile(native: Native, path: string, pid: number): void {
  const written = write(native, path, pid);
  if (written < 0) {
    throw new TsrunError(
      'ERR_STATE',
      `cannot write pid file ${path}: ${native.strerror(-written)}`,
      { errno: -written },
    );
  }
}

/** Its directory is looked up once: the temporary name and the last one are in the same. */
function write(native: Native, path: string, pid: number): number {
  const slash = path.lastIndexOf('/');
  const parent = slash < 0 ? '.' : path.slice(0, slash + 1);
  const directory = native.open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0) return directory;
  const written = writeFileAtomically(native, directory, path.slice(slash + 1), `${pid}`, 0o644);
  native.close(directory);
  return written;
}
