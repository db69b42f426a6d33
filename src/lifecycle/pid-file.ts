/** `--pid-file`. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { AT_FDCWD } from '../native/constants.js';
import { writeFileAtomically } from '../state/atomic-file.js';

/**
 * Writes the bare number: containerd parses the file's raw bytes, so no
 * newline, and no reader ever sees a part of it.
 *
 * @throws TsrunError ERR_STATE
 */
export function writePidFile(native: Native, path: string, pid: number): void {
  const written = writeFileAtomically(native, AT_FDCWD, path, String(pid), 0o644);
  if (written < 0) {
    throw new TsrunError(
      'ERR_STATE',
      `cannot write pid file ${path}: ${native.strerror(-written)}`,
      { errno: -written },
    );
  }
}
