/** linux.seccomp as a step; src/seccomp/ makes the program that it loads. */

import { seccompFlags, wantsListener } from '../seccomp/flags.js';
import type { LinuxSeccomp } from '../spec/types.js';
import type { Slots } from './slots.js';
import type { Slot, Step } from './steps.js';

export interface FilterPlan {
  /** Of the program, -1 without a filter. */
  slot: Slot;
  steps: Step[];
}

/** What of linux.seccomp is left when its program is made. */
export interface FilterLoading {
  /** SECCOMP_FILTER_FLAG_* */
  flags: number;
  listener: boolean;
}

export function filterLoading(seccomp: LinuxSeccomp): FilterLoading {
  const listener = wantsListener(seccomp);
  return { flags: seccompFlags(seccomp, listener), listener };
}

export function planFilter(loading: FilterLoading | undefined, slots: Slots): FilterPlan {
  if (loading === undefined) return { slot: -1, steps: [] };
  const at = '/linux/seccomp';
  const slot = slots.input({ kind: 'seccomp', at });
  return { slot, steps: [{ op: 'seccomp', at, program: slot, ...loading }] };
}
