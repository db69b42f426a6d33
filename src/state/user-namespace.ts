/** Whether the caller is in the initial user namespace, where its ids are the machine's. */

import { ENOENT, PROC_SUPER_MAGIC } from '../native/constants.js';
import { cannotLook } from '../native/look.js';
import type { Native } from '../native/types.js';

/**
 * PROC_USER_INIT_INO of include/linux/proc_ns.h: the initial namespace has a
 * fixed inode number. The maps would not tell: a child may map all ids too.
 */
const INITIAL_INODE = 0xeffffffdn;

/** @throws TsrunError ERR_SYSTEM when nobody can tell: others have fewer rights */
export function inInitialUserNamespace(native: Native): boolean {
  const path = '/proc/self/ns/user';
  const stat = native.stat(path);
  if (typeof stat !== 'number') return stat.ino === INITIAL_INODE;
  // Without user namespaces in the kernel there is only the initial one.
  if (stat === -ENOENT && native.statfsType('/proc') === PROC_SUPER_MAGIC) return true;
  throw cannotLook(native, `look at ${path}`, stat);
}
