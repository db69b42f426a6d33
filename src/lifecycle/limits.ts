/** What the parent sets on the process from outside: resource limits and the OOM score. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { EPERM, RLIM_INFINITY } from '../native/constants.js';
import type { PlanLimit } from '../plan/plan.js';
import { RLIMITS } from '../plan/rlimits.js';

/**
 * prlimit(2), before the helper loses the caller's rights to a user namespace.
 *
 * @throws TsrunError ERR_PERMISSION for a hard limit that may not be raised, ERR_SYSTEM
 */
export function raiseLimits(native: Native, pid: number, limits: readonly PlanLimit[]): void {
  for (const { at, resource, hard } of limits) {
    const set = native.raiseHardLimit(pid, resource, hard);
    if (set >= 0) continue;
    const what = `the hard limit ${RLIMITS[resource] ?? ''} to ${text(hard)}`;
    const hint = set === -EPERM ? ' (it takes CAP_SYS_RESOURCE)' : '';
    throw new TsrunError(
      set === -EPERM ? 'ERR_PERMISSION' : 'ERR_SYSTEM',
      `${at}: cannot raise ${what}: ${native.strerror(-set)}${hint}`,
      { errno: -set, pointer: at },
    );
  }
}

function text(value: bigint): string {
  return value === RLIM_INFINITY ? 'unlimited' : String(value);
}

/**
 * /proc/PID/oom_score_adj, before the process does anything: what it starts later has it too.
 *
 * @throws TsrunError ERR_SYSTEM
 */
export function setOomScoreAdj(native: Native, pid: number, value: number, at: string): void {
  const written = native.writeText(`/proc/${pid}/oom_score_adj`, String(value));
  if (written < 0) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `${at}: cannot set it to ${value}: ${native.strerror(-written)}`,
      { errno: -written, pointer: at },
    );
  }
}
