/**
 * The calls that the helper makes after it has loaded the filter, step by
 * step: if the profile denies one, the container could not be started, and
 * `create` says which. Nothing is added to the profile for them.
 *
 * What is called only to tell of a failure is not here.
 */

import type { Step } from '../plan/steps.js';

export interface LateCall {
  name: string;
  args: readonly number[];
  /** An errno does no harm, but the process has to survive the call. */
  mayFail?: true;
}

/** Stands for an address, which a profile has no way to know. */
const ADDRESS = 0x7fff_f000;
/** Stands for a descriptor. */
const DESCRIPTOR = 3;
const AT_FDCWD = -100;

const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

/** The first number that is of no capability, which ends the way through the bounding set. */
const NO_CAPABILITY = 41;

const AT_EACCESS = 0x200;
const X_OK = 1;
const CLONE_PIDFD = 0x1000;
const SIGCHLD = 17;
const P_PIDFD = 3;
const WEXITED_WALL = 0x4000_0004;

/** What comes after the step `seccomp`; nothing when there is none. */
export function lateCalls(steps: readonly Step[]): LateCall[] {
  const load = steps.findIndex(({ op }) => op === 'seccomp');
  if (load < 0) return [];
  const step = steps[load];
  const handOver =
    step?.op === 'seccomp' && step.listener ? [call('read', DESCRIPTOR, ADDRESS, 1)] : [];
  return [...handOver, ...steps.slice(load + 1).flatMap(callsOf)];
}

function callsOf(step: Step): LateCall[] {
  switch (step.op) {
    case 'sync':
      return [call('write', DESCRIPTOR, ADDRESS, 16), call('read', DESCRIPTOR, ADDRESS, 1)];
    case 'credentials':
      return credentialCalls(step);
    case 'cwd':
      return [call('getcwd', ADDRESS, 4096)];
    case 'find':
      return [
        call('newfstatat', AT_FDCWD, ADDRESS, ADDRESS, 0),
        mayFail('faccessat2', AT_FDCWD, ADDRESS, X_OK, AT_EACCESS),
      ];
    case 'gate':
      return [call('close', DESCRIPTOR), call('read', DESCRIPTOR, ADDRESS, 1)];
    case 'hook':
      return hookCalls(step);
    case 'exec':
      return [call('execve', ADDRESS, ADDRESS, ADDRESS)];
    case 'no-new-privileges':
      return [call('prctl', PR_SET_NO_NEW_PRIVS, 1)];
    default:
      throw new RangeError(`${step.op} after seccomp`);
  }
}

function credentialCalls(step: Step & { op: 'credentials' }): LateCall[] {
  const { uid, gid, groups, setGroups, bounding, ambient } = step;
  return [
    ...capabilities(~bounding).map((capability) => call('prctl', PR_CAPBSET_DROP, capability)),
    mayFail('prctl', PR_CAPBSET_DROP, NO_CAPABILITY),
    call('prctl', PR_CAPBSET_READ, NO_CAPABILITY),
    call('prctl', PR_SET_KEEPCAPS, 1),
    ...(setGroups ? [call('setgroups', groups.length, ADDRESS)] : []),
    call('setresgid', gid, gid, gid),
    call('setresuid', uid, uid, uid),
    call('capset', ADDRESS, ADDRESS),
    call('prctl', PR_SET_KEEPCAPS, 0),
    call('prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL),
    ...capabilities(ambient).map((capability) =>
      call('prctl', PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability),
    ),
    call('prctl', PR_SET_DUMPABLE, 0),
  ];
}

function capabilities(mask: bigint): number[] {
  const found: number[] = [];
  for (let capability = 0; capability < NO_CAPABILITY; capability++) {
    if (((mask >> BigInt(capability)) & 1n) !== 0n) found.push(capability);
  }
  return found;
}

function hookCalls({ timeout }: Step & { op: 'hook' }): LateCall[] {
  return [
    call('memfd_create', ADDRESS, 1),
    call('getpid'),
    call('write', DESCRIPTOR, ADDRESS, 1),
    call('lseek', DESCRIPTOR, 0, 0),
    call('pipe2', ADDRESS, 0o2000000),
    call('fcntl', DESCRIPTOR, 4, 0o4000),
    call('pipe2', ADDRESS, 0o2004000),
    call('clock_gettime', 1, ADDRESS),
    call('clone', CLONE_PIDFD | SIGCHLD, 0, ADDRESS),
    // In the new process.
    call('setsid'),
    call('dup3', DESCRIPTOR, 0, 0),
    call('close_range', 3, 0xffff_ffff, 4),
    call('execve', ADDRESS, ADDRESS, ADDRESS),
    call('ppoll', ADDRESS, 1, 0, 0, 8),
    // The process leads a group, so that the first of the two reaches it already.
    ...(timeout > 0
      ? [call('kill', -2, 9), mayFail('pidfd_send_signal', DESCRIPTOR, 9, 0, 0)]
      : []),
    call('waitid', P_PIDFD, DESCRIPTOR, ADDRESS, WEXITED_WALL),
    call('read', DESCRIPTOR, ADDRESS, 8),
    call('close', DESCRIPTOR),
  ];
}

function call(name: string, ...args: number[]): LateCall {
  return { name, args };
}

function mayFail(name: string, ...args: number[]): LateCall {
  return { name, args, mayFail: true };
}
