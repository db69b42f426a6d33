// Which start the executable has: native/start/README.md.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const MARK = 'started without CPUID';

/**
 * @param {string} build directory of the native build
 * @returns {string} why the executable starts as the C library does, or nothing
 */
export function whyGlibcStart(build) {
  return readFileSync(join(build, 'start/start.o.txt'), 'utf8').trim();
}

/**
 * Throws where the executable is slower than it should be: a package is not made of it.
 *
 * @param {string} build directory of the native build
 * @param {string} executable
 * @param {string} arch of the machine, as Node has it
 */
export function requireOwnStart(build, executable, arch) {
  if (arch !== 'x64') return;
  const reason = whyGlibcStart(build);
  if (reason === '' && readFileSync(executable).includes(MARK)) return;
  throw new Error(
    `${executable} starts as the C library does, slower: ${reason || 'it is not what was built last'}`,
  );
}
