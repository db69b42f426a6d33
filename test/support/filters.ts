/** Profiles of system calls for the tests of filters. */

import type { LinuxSeccomp, LinuxSyscall, Spec } from '../../src/spec/types.js';
import type { Calls } from './calls.js';
import { linuxOf, processOf } from './inside.js';
import type { Change } from './inside.js';

/** Allows what the rules do not say. */
export const allowing = (...syscalls: LinuxSyscall[]): LinuxSeccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: ['SCMP_ARCH_X86_64'],
  syscalls,
});

/** With an errno that no call of the tests has otherwise. */
export const deny = (...names: string[]): LinuxSyscall => ({
  names,
  action: 'SCMP_ACT_ERRNO',
  errnoRet: 99,
});

/** A change of a test's container: the filter, and the program that makes single calls. */
export const filterWith =
  (calls: Calls) =>
  (seccomp: LinuxSeccomp, noNewPrivileges = true, more: (spec: Spec) => void = () => undefined) =>
  (...[spec, bundle]: Parameters<Change>): void => {
    linuxOf(spec).seccomp = seccomp;
    processOf(spec).noNewPrivileges = noNewPrivileges;
    calls.into(bundle);
    more(spec);
  };
