/** The user namespace of the caller: which one it is, and whether its ids are the machine's. */

import { ENOENT, PROC_SUPER_MAGIC } from '../native/constants.js';
import { cannotLook } from '../native/look.js';
import type { Native } from '../native/types.js';

/**
 * PROC_USER_INIT_INO of include/linux/proc_ns.h: the initial namespace has a
 * fixed inode number. The maps would not tell: a child may map all ids too.
 */
const INITIAL_INODE = 0xeffffffd;

/**
 * Its inode number; 0 where the kernel has no user namespaces, and so only the initial one.
 *
 * @throws TsrunError ERR_SYSTEM when it cannot be read: others have fewer rights
 */
export function ownUserNamespace(native: Native): number {
  const path = '/proc/self/ns/user';
  const stat = native.stat(path);
  if (typeof stat !== 'number') return Number(stat.ino);
  if (stat === -ENOENT && native.statfsType('/proc') === PROC_SUPER_MAGIC) return 0;
  throw cannotLook(native, `look at ${path}`, stat);
}

export function isInitialUserNamespace(inode: number): boolean {
  return inode === 0 || inode === INITIAL_INODE;
}

/** @throws TsrunError ERR_SYSTEM */
export function inInitialUserNamespace(native: Native): boolean {
  return isInitialUserNamespace(ownUserNamespace(native));
}

/** The owner that a file shows when the user namespace does not map its owner (user_namespaces(7)). */
export const OVERFLOW_UID = 65534;

/**
 * The owner of files that the effective user makes, for comparing with others. A caller that its user
 * namespace does not map cannot tell its own files from those of others.
 *
 * @returns undefined for such a caller
 * @throws TsrunError ERR_SYSTEM when it cannot be found out
 */
export function ownUid(native: Native): number | undefined {
  const uid = native.getuid()[1];
  return uid === OVERFLOW_UID && !inInitialUserNamespace(native) ? undefined : uid;
}
