/**
 * What a process has from the caller of the runtime (clone(2), execve(2)), and what becomes of it:
 * one list for `create` and `exec`. docs/process-attributes.md says why.
 */

import type { LinuxPersonality, Process } from '../spec/types.js';
import { planIoPriority } from './ioprio.js';
import { planPersonality } from './personality.js';
import { planLimits } from './rlimits.js';
import { planScheduler } from './scheduler.js';
import type { Operation, Step } from './steps.js';

export interface ProcessAttribute {
  name: string;
  /** What says it: a field of config.json or an option. */
  field?: string;
  /**
   * What it is where nothing says it. `reset`: the caller's has no effect. `kept`: the caller's.
   * `kernel`: the kernel decides, and the runtime cannot change that or need not.
   */
  otherwise: 'reset' | 'kept' | 'kernel';
  /** The operations that set it, where `plan` does not. */
  by?: readonly Operation[];
  plan?: (process: Process, context: AttributeContext) => Step[];
}

export interface AttributeContext {
  /** JSON pointer of the process object. */
  at: string;
  /** linux.personality */
  personality: LinuxPersonality | undefined;
  /** Something else sets the CPU affinity: process.execCPUAffinity. */
  hasAffinity: boolean;
}

const DEFAULT_UMASK = 0o022;

export const PROCESS_ATTRIBUTES: readonly ProcessAttribute[] = [
  {
    name: 'affinity',
    field: 'process.execCPUAffinity',
    otherwise: 'reset',
    // Before the scheduler: SCHED_DEADLINE takes every CPU of a root domain (sched(7)).
    plan: (_, { hasAffinity }) => (hasAffinity ? [] : [{ op: 'affinity', at: '', cpus: [] }]),
  },
  {
    name: 'scheduler',
    field: 'process.scheduler',
    otherwise: 'kept',
    plan: ({ scheduler }, { at }) => planScheduler(scheduler, `${at}/scheduler`),
  },
  { name: 'nice', field: 'process.scheduler.nice', otherwise: 'kept' },
  {
    name: 'io-priority',
    field: 'process.ioPriority',
    otherwise: 'kept',
    plan: ({ ioPriority }, { at }) => planIoPriority(ioPriority, `${at}/ioPriority`),
  },
  {
    name: 'umask',
    field: 'process.user.umask',
    otherwise: 'reset',
    plan: ({ user }, { at }) => [
      { op: 'umask', at: `${at}/user/umask`, mask: user?.umask ?? DEFAULT_UMASK },
    ],
  },
  {
    name: 'limits',
    field: 'process.rlimits',
    otherwise: 'kept',
    plan: ({ rlimits }, { at }) => planLimits(rlimits, `${at}/rlimits`),
  },
  {
    name: 'personality',
    field: 'linux.personality',
    otherwise: 'kept',
    plan: (_, { personality }) => planPersonality(personality),
  },
  {
    name: 'groups',
    field: 'process.user.additionalGids',
    otherwise: 'reset',
    by: ['clear-groups', 'become', 'credentials'],
  },
  { name: 'ids', field: 'process.user', otherwise: 'reset', by: ['credentials'] },
  {
    name: 'capabilities',
    field: 'process.capabilities',
    otherwise: 'reset',
    by: ['credentials'],
  },
  { name: 'oom-score-adj', field: 'process.oomScoreAdj', otherwise: 'kept', by: ['sync'] },
  { name: 'environment', field: 'process.env', otherwise: 'reset', by: ['exec'] },
  { name: 'working-directory', field: 'process.cwd', otherwise: 'reset', by: ['cwd'] },
  { name: 'keyring', field: '--no-new-keyring', otherwise: 'reset', by: ['keyring'] },
  { name: 'session', otherwise: 'reset', by: ['session'] },
  { name: 'autogroup', otherwise: 'reset', by: ['session'] },
  /** native/child/main.cc, for every program that the helper executes. */
  { name: 'signals', otherwise: 'reset' },
  /** native/system/clone-child.cc */
  { name: 'descriptors', field: '--preserve-fds', otherwise: 'reset' },
  {
    name: 'no-new-privileges',
    field: 'process.noNewPrivileges',
    otherwise: 'kept',
    by: ['no-new-privileges'],
  },
  { name: 'system-call-filters', field: 'linux.seccomp', otherwise: 'kernel', by: ['seccomp'] },
  { name: 'landlock', otherwise: 'kernel' },
  {
    name: 'labels',
    field: 'process.apparmorProfile, process.selinuxLabel',
    otherwise: 'kernel',
    by: ['label'],
  },
  { name: 'securebits', otherwise: 'kept' },
  { name: 'login-uid', otherwise: 'kept' },
  { name: 'timer-slack', otherwise: 'kept' },
  { name: 'coredump-filter', otherwise: 'kept' },
  { name: 'memory-policy', otherwise: 'kept' },
  { name: 'thp-disable', otherwise: 'kept' },
  { name: 'memory-merge', otherwise: 'kept' },
  { name: 'mdwe', otherwise: 'kernel' },
  { name: 'speculation', otherwise: 'kept' },
  { name: 'tsc', otherwise: 'kernel' },
  { name: 'machine-check', otherwise: 'kept' },
  { name: 'io-flusher', otherwise: 'kept' },
  { name: 'core-scheduling', otherwise: 'kept' },
  { name: 'utilization-clamps', field: 'process.scheduler.flags', otherwise: 'kept' },
  { name: 'dumpable', otherwise: 'kernel' },
  { name: 'keep-capabilities', otherwise: 'kernel' },
  { name: 'subreaper', otherwise: 'kernel' },
  { name: 'death-signal', otherwise: 'kernel' },
  { name: 'alarm', otherwise: 'kernel' },
];

/** What the process sets on itself while it still may. */
export function planAttributes(process: Process, context: AttributeContext): Step[] {
  return PROCESS_ATTRIBUTES.flatMap(({ plan }) => plan?.(process, context) ?? []);
}
