/** Whether two descriptors or paths lead to one file (inode(7)). */

import type { Stat } from './types.js';

/** Of what stat(2) and its kin gave; a negated errno is the same as nothing. */
export function isSameFile(a: Stat | number, b: Stat | number): boolean {
  return (
    typeof a !== 'number' &&
    typeof b !== 'number' &&
    a.ino === b.ino &&
    a.devMajor === b.devMajor &&
    a.devMinor === b.devMinor
  );
}
