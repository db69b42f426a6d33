/**
 * The one typed interface between the TypeScript core and the system.
 *
 * Convention, the kernel's own: a number below zero is a negated errno and
 * never throws; anything else is the result. A wrong argument type throws a
 * TypeError: that is a bug of ours, not a condition of the system.
 * Every file descriptor that is made here is close-on-exec.
 * Text is UTF-8. A NUL inside a path or a string is refused with -EINVAL.
 */

import type { NativeBus } from './types/bus.js';
import type { NativeCgroups } from './types/cgroups.js';
import type { NativeErrors } from './types/errors.js';
import type { NativeFiles } from './types/files.js';
import type { NativeHelper } from './types/helper.js';
import type { NativeMounts } from './types/mounts.js';
import type { NativeNamespaces } from './types/namespaces.js';
import type { NativeProcesses } from './types/processes.js';
import type { NativeSeccomp } from './types/seccomp.js';
import type { NativeSockets } from './types/sockets.js';
import type { NativeTerminals } from './types/terminals.js';
import type { NativeWaiting } from './types/waiting.js';

export type { FdOrErrno, Status } from './types/results.js';
export type { Stat } from './types/files.js';
export type { Message, SpawnRequest, Spawned } from './types/helper.js';
export type { ExitInfo } from './types/processes.js';
export type { TerminalSettings } from './types/terminals.js';
export type { SeccompCompiled, SeccompProfile, SeccompRule } from './types/seccomp.js';
export type { BusItem, BusMessage } from './types/bus.js';
export type { PollEvents } from './types/waiting.js';

export interface Native
  extends
    NativeFiles,
    NativeNamespaces,
    NativeSockets,
    NativeHelper,
    NativeProcesses,
    NativeTerminals,
    NativeMounts,
    NativeCgroups,
    NativeSeccomp,
    NativeBus,
    NativeErrors,
    NativeWaiting {}
