/** Who the caller is and what it may do. */

import { cannotLook, readIfThere } from '../native/look.js';
import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { namespacePlaces, foreignNamespaces } from '../namespaces/namespaces.js';
import { EPERM } from '../native/constants.js';
import { CAP_SETGID, CAP_SYS_ADMIN, askedCapabilities } from '../plan/capabilities.js';
import type { Process, Spec } from '../spec/types.js';
import { isInitialUserNamespace, ownUserNamespace } from '../state/user-namespace.js';

export interface Caller {
  /** Effective ids. */
  uid: number;
  gid: number;
  /** Effective capabilities, and the bounding set as far as it was asked for, bit masks. */
  effective: bigint;
  bounding: bigint;
  /** Highest capability number of this kernel. */
  lastCapability: number;
  /** Inode number of its user namespace, 0 where the kernel has none. */
  userNamespace: number;
  initialUserNamespace: boolean;
}

/**
 * @param processes that are to get capabilities of the caller's
 * @throws TsrunError ERR_SYSTEM when that cannot be found out
 */
export function readCaller(native: Native, ...processes: (Process | undefined)[]): Caller {
  const known = native.capabilities(askedCapabilities(processes));
  if (typeof known === 'number') {
    throw cannotLook(native, 'read the capabilities of the caller', known);
  }
  const { effective, bounding, last } = known;
  const userNamespace = ownUserNamespace(native);
  return {
    uid: native.getuid()[1],
    gid: native.getgid()[1],
    effective,
    bounding,
    lastCapability: last,
    userNamespace,
    initialUserNamespace: isInitialUserNamespace(userNamespace),
  };
}

/**
 * /proc/self/setgroups says `deny` (user_namespaces(7)): nothing below can set groups either.
 *
 * @throws TsrunError ERR_SYSTEM when it cannot be read
 */
export function setgroupsDenied(
  native: Native,
  { initialUserNamespace }: Pick<Caller, 'initialUserNamespace'>,
): boolean {
  // The initial namespace cannot deny it.
  if (initialUserNamespace) return false;
  // Kernels before 3.19 have no such file, and allow it.
  return readIfThere(native, '/proc/self/setgroups', 64)?.startsWith('deny') === true;
}

/** The caller may call setgroups(2) where it is. */
export function mayClearGroups(native: Native, caller: Caller): boolean {
  return (caller.effective & CAP_SETGID) !== 0n && !setgroupsDenied(native, caller);
}

/** CAP_SYS_ADMIN in the initial user namespace: what device nodes and device programs take. */
export function isPrivileged(caller: Caller): boolean {
  return caller.initialUserNamespace && (caller.effective & CAP_SYS_ADMIN) !== 0n;
}

/**
 * Says what is missing before the kernel refuses the clone.
 *
 * @throws TsrunError ERR_PERMISSION
 */
export function requireNamespaceRights(native: Native, spec: Spec, caller: Caller): void {
  if ((caller.effective & CAP_SYS_ADMIN) !== 0n) return;
  const places = namespacePlaces(spec.linux?.namespaces ?? [], 0);
  if (places.user !== 'own' || foreignNamespaces(places) === 0) return;
  const pointer = '/linux/namespaces';
  throw new TsrunError(
    'ERR_PERMISSION',
    `${pointer}: namespaces take CAP_SYS_ADMIN, or a user namespace among them, ` +
      `as "tsrun spec --rootless" writes it: ${native.strerror(EPERM)}`,
    { errno: EPERM, pointer },
  );
}
