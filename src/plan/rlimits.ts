/** process.rlimits (getrlimit(2)). */

import type { POSIXRlimit } from '../spec/types.js';
import { invalid } from './invalid.js';
import type { PlanLimit } from './plan.js';
import type { Step } from './steps.js';

type RlimitStep = Extract<Step, { op: 'rlimit' }>;

/** Names in the order of their numbers (asm-generic/resource.h). */
export const RLIMITS: readonly string[] = [
  'RLIMIT_CPU',
  'RLIMIT_FSIZE',
  'RLIMIT_DATA',
  'RLIMIT_STACK',
  'RLIMIT_CORE',
  'RLIMIT_RSS',
  'RLIMIT_NPROC',
  'RLIMIT_NOFILE',
  'RLIMIT_MEMLOCK',
  'RLIMIT_AS',
  'RLIMIT_LOCKS',
  'RLIMIT_SIGPENDING',
  'RLIMIT_MSGQUEUE',
  'RLIMIT_NICE',
  'RLIMIT_RTPRIO',
  'RLIMIT_RTTIME',
];

/**
 * Late, since the helper works under them from then on.
 *
 * @param at JSON pointer of `rlimits`
 */
export function planLimits(rlimits: readonly POSIXRlimit[] | undefined, at: string): RlimitStep[] {
  return (rlimits ?? []).map(({ type, soft, hard }, index) => {
    const resource = RLIMITS.indexOf(type);
    if (resource < 0) throw invalid(`${at}/${index}/type`, `unknown resource ${type}`);
    return {
      op: 'rlimit',
      at: `${at}/${index}`,
      resource,
      soft: BigInt(soft),
      hard: BigInt(hard),
    };
  });
}

/** What the parent has to do for them where the process is in a user namespace. */
export function planRaisedLimits(steps: readonly Step[]): PlanLimit[] {
  return steps.flatMap((step) =>
    step.op === 'rlimit' ? [{ at: step.at, resource: step.resource, hard: step.hard }] : [],
  );
}
