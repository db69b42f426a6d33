/** linux.seccomp.flags: SECCOMP_FILTER_FLAG_* of seccomp(2). */

import type { LinuxSeccomp, LinuxSeccompFlag } from '../spec/types.js';

export const SECCOMP_FLAGS: Readonly<Record<LinuxSeccompFlag, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};

/**
 * The flags of the call. WAIT_KILLABLE_RECV is about notifications and the
 * kernel refuses it without a listener, for which there is then no use either.
 * TSYNC is about the other threads of the process, which is to have none but,
 * with a listener, the one that hands it over.
 */
export function seccompFlags(seccomp: LinuxSeccomp, listener: boolean): number {
  let flags = 0;
  for (const name of seccomp.flags ?? []) flags |= SECCOMP_FLAGS[name];
  return listener
    ? flags & ~SECCOMP_FLAGS.SECCOMP_FILTER_FLAG_TSYNC
    : flags & ~SECCOMP_FLAGS.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

/** config-linux.md, seccomp: the listener's path is for the action SCMP_ACT_NOTIFY. */
export function wantsListener(seccomp: LinuxSeccomp): boolean {
  return (seccomp.syscalls ?? []).some(({ action }) => action === 'SCMP_ACT_NOTIFY');
}
