/** process.scheduler (sched_setattr(2)). */

import type { LinuxSchedulerFlag, LinuxSchedulerPolicy, Scheduler } from '../spec/types.js';
import type { Step } from './steps.js';

/** linux/sched.h */
const POLICY: Readonly<Record<LinuxSchedulerPolicy, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};

const FLAG: Readonly<Record<LinuxSchedulerFlag, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

export function planScheduler(scheduler: Scheduler | undefined, at: string): Step[] {
  if (scheduler === undefined) return [];
  return [
    {
      op: 'scheduler',
      at,
      policy: POLICY[scheduler.policy],
      flags: (scheduler.flags ?? []).reduce((flags, name) => flags | FLAG[name], 0),
      nice: scheduler.nice ?? 0,
      priority: scheduler.priority ?? 0,
      runtime: scheduler.runtime ?? 0,
      deadline: scheduler.deadline ?? 0,
      period: scheduler.period ?? 0,
    },
  ];
}
