/** What a filter answers to a call, as the kernel's numbers (seccomp(2)). */

import { ENOSYS, EPERM } from '../native/constants.js';
import type { LinuxSeccompAction } from '../spec/types.js';

const SECCOMP_RET_ERRNO = 0x00050000;
const SECCOMP_RET_TRACE = 0x7ff00000;
const SECCOMP_RET_LOG = 0x7ffc0000;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const SECCOMP_RET_USER_NOTIF = 0x7fc00000;

const PLAIN: Record<
  Exclude<LinuxSeccompAction, 'SCMP_ACT_ERRNO' | 'SCMP_ACT_TRACE'>,
  { value: number; name: string }
> = {
  SCMP_ACT_KILL: { value: 0x00000000, name: 'KILL' },
  SCMP_ACT_KILL_THREAD: { value: 0x00000000, name: 'KILL' },
  SCMP_ACT_KILL_PROCESS: { value: 0x80000000, name: 'KILL_PROCESS' },
  SCMP_ACT_TRAP: { value: 0x00030000, name: 'TRAP' },
  SCMP_ACT_NOTIFY: { value: SECCOMP_RET_USER_NOTIF, name: 'NOTIFY' },
  SCMP_ACT_LOG: { value: SECCOMP_RET_LOG, name: 'LOG' },
  SCMP_ACT_ALLOW: { value: SECCOMP_RET_ALLOW, name: 'ALLOW' },
};

/** @param errnoRet of the rule, or of the default action; EPERM when absent */
export function actionValue(action: LinuxSeccompAction, errnoRet: number | undefined): number {
  switch (action) {
    case 'SCMP_ACT_ERRNO':
      return SECCOMP_RET_ERRNO | (errnoRet ?? EPERM);
    case 'SCMP_ACT_TRACE':
      return SECCOMP_RET_TRACE | (errnoRet ?? EPERM);
    default:
      return PLAIN[action].value;
  }
}

/** What a call gets that the kernel does not know. */
export const RET_ENOSYS = SECCOMP_RET_ERRNO | ENOSYS;

/** Whether the call is carried out, or may be: whoever is asked decides. */
export function lets(value: number): boolean {
  return (
    value === SECCOMP_RET_ALLOW || value === SECCOMP_RET_LOG || value === SECCOMP_RET_USER_NOTIF
  );
}

/** Whether the process goes on after the call, whatever came of it. */
export function survives(value: number): boolean {
  const action = (value & 0xffff0000) >>> 0;
  return lets(value) || action === SECCOMP_RET_ERRNO || action === SECCOMP_RET_TRACE;
}

/** `ERRNO 38`, for messages. */
export function describeAction(value: number): string {
  const data = value & 0xffff;
  switch ((value & 0xffff0000) >>> 0) {
    case SECCOMP_RET_ERRNO:
      return `ERRNO ${data}`;
    case SECCOMP_RET_TRACE:
      return 'TRACE';
    default:
      return Object.values(PLAIN).find((plain) => plain.value === value)?.name ?? String(value);
  }
}
