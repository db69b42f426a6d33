// The files that the links of the executable have read, by their contents. Build tools compare times, and dpkg
// gives a file the time at which its package was made: an updated libc.a can be older than the build.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RECORD = 'link-inputs.json';

/** start.o too: it was compared with the start of the C library. */
const OUTPUTS = [
  ...['start/start.o', RECORD, 'executable/tsrun', 'executable/tsrun-glibc-start'],
  ...['tsrun-blank', 'tsrun-blank-glibc-start', 'tsrun-plain', 'tsrun-compile'],
];

/**
 * @param {string} build directory of the native build
 * @param {string[]} files that the links have read
 */
export function recordLink(build, files) {
  const sums = Object.fromEntries(files.map((file) => [file, sumOf(file)]));
  writeFileSync(join(build, RECORD), JSON.stringify(sums, null, 2));
}

/**
 * Removes what was linked with files that have changed since, so that the next build links it again.
 *
 * @param {string} build directory of the native build
 * @param {string} copy of the executable, where people use it
 * @returns {string[]} the files that have changed
 */
export function removeStaleLinks(build, copy) {
  const record = join(build, RECORD);
  if (!existsSync(record)) return [];
  const sums = JSON.parse(readFileSync(record, 'utf8'));
  const changed = Object.keys(sums).filter((file) => sumOf(file) !== sums[file]);
  if (changed.length > 0) {
    for (const name of OUTPUTS) rmSync(join(build, name), { force: true });
    rmSync(copy, { force: true });
  }
  return changed;
}

/** Null for a file that is not there. */
function sumOf(file) {
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null;
}
