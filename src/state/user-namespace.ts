/** Whether the caller is in the initial user namespace, where its ids are the machine's. */

import type { Native } from '../native/types.js';

/**
 * PROC_USER_INIT_INO of include/linux/proc_ns.h: the initial namespace has a
 * fixed inode number. The maps would not tell: a child may map all ids too.
 */
const INITIAL_INODE = 0xeffffffdn;

export function inInitialUserNamespace(native: Native): boolean {
  const stat = native.stat('/proc/self/ns/user');
  // Without user namespaces in the kernel there is only the initial one.
  return typeof stat === 'number' || stat.ino === INITIAL_INODE;
}
