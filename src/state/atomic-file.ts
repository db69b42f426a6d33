/** Files that are there completely or not at all. */

import type { Native } from '../native/types.js';
import { EEXIST, O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY } from '../native/constants.js';

/**
 * Writes a file under a temporary name in the same directory and renames it.
 *
 * @param directory a descriptor; AT_FDCWD for a path
 * @returns 0, or a negated errno; then nothing is left behind
 */
export function writeFileAtomically(
  native: Native,
  directory: number,
  name: string,
  contents: string | Uint8Array,
  mode: number,
): number {
  const temporary = `${name}.tmp-${native.getpid()}`;
  const written = writeNewFile(native, directory, temporary, contents, mode);
  if (written < 0) return written;
  const renamed = native.renameAt(directory, temporary, directory, name);
  if (renamed < 0) native.unlinkAt(directory, temporary, 0);
  return renamed;
}

/** A file that did not exist; a leftover of a crashed process with our pid is replaced. */
function writeNewFile(
  native: Native,
  directory: number,
  name: string,
  contents: string | Uint8Array,
  mode: number,
): number {
  // O_EXCL does not follow links either.
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  let fd = native.openat(directory, name, flags, mode);
  if (fd === -EEXIST) {
    native.unlinkAt(directory, name, 0);
    fd = native.openat(directory, name, flags, mode);
  }
  if (fd < 0) return fd;
  const written = native.write(fd, contents);
  const closed = native.close(fd);
  const failed = written < 0 ? written : closed;
  if (failed < 0) native.unlinkAt(directory, name, 0);
  return failed < 0 ? failed : 0;
}
