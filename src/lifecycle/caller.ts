/** Who the caller is and what it may do. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { namespacePlaces, foreignNamespaces } from '../namespaces/namespaces.js';
import { EPERM } from '../native/constants.js';
import { CAP_SYS_ADMIN } from '../plan/capabilities.js';
import type { Spec } from '../spec/types.js';
import { inInitialUserNamespace } from '../state/user-namespace.js';

export interface Caller {
  /** Effective ids. */
  uid: number;
  gid: number;
  /** Effective capabilities and the bounding set, bit masks. */
  effective: bigint;
  bounding: bigint;
  initialUserNamespace: boolean;
}

const MAX_STATUS = 1 << 16;

/** Of the newest kernel known here, for one that does not tell (CAP_CHECKPOINT_RESTORE). */
const LAST_CAPABILITY = 40;

export function readCaller(native: Native): Caller {
  const status = native.readText('/proc/self/status', MAX_STATUS);
  const text = typeof status === 'number' ? '' : status;
  return {
    uid: native.getuid()[1],
    gid: native.getgid()[1],
    effective: capabilityMask(text, 'CapEff'),
    bounding: capabilityMask(text, 'CapBnd'),
    initialUserNamespace: inInitialUserNamespace(native),
  };
}

/** A line `CapEff:	000001ffffffffff` of /proc/PID/status (proc_pid_status(5)). */
function capabilityMask(status: string, name: string): bigint {
  const at = status.indexOf(`\n${name}:`);
  if (at < 0) return 0n;
  const digits = /^[\t ]*([0-9a-f]+)/.exec(status.slice(at + name.length + 2, at + 64))?.[1];
  return digits === undefined ? 0n : BigInt(`0x${digits}`);
}

export function readLastCapability(native: Native): number {
  const text = native.readText('/proc/sys/kernel/cap_last_cap', 64);
  const number = typeof text === 'number' ? NaN : Number(text);
  return Number.isInteger(number) && number >= 0 && number < 64 ? number : LAST_CAPABILITY;
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
