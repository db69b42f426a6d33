/** Who the caller is and what it may do. */

import { cannotLook } from '../native/look.js';
import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { namespacePlaces, foreignNamespaces } from '../namespaces/namespaces.js';
import { EPERM } from '../native/constants.js';
import { CAP_SYS_ADMIN, askedCapabilities } from '../plan/capabilities.js';
import type { Process, Spec } from '../spec/types.js';
import { inInitialUserNamespace } from '../state/user-namespace.js';

export interface Caller {
  /** Effective ids. */
  uid: number;
  gid: number;
  /** Effective capabilities, and the bounding set as far as it was asked for, bit masks. */
  effective: bigint;
  bounding: bigint;
  /** Highest capability number of this kernel. */
  lastCapability: number;
  initialUserNamespace: boolean;
}

/**
 * @param processes that are to get capabilities of the caller's
 * @throws TsrunError ERR_SYSTEM when nobody can tell
 */
export function readCaller(native: Native, ...processes: (Process | undefined)[]): Caller {
  const known = native.capabilities(askedCapabilities(processes));
  if (typeof known === 'number') {
    throw cannotLook(native, 'read the capabilities of the caller', known);
  }
  const { effective, bounding, last } = known;
  return {
    uid: native.getuid()[1],
    gid: native.getgid()[1],
    effective,
    bounding,
    lastCapability: last,
    initialUserNamespace: inInitialUserNamespace(native),
  };
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
