/** process.ioPriority (ioprio_set(2)). */

import type { IOPriorityClass, LinuxIOPriority } from '../spec/types.js';
import type { Step } from './steps.js';

/** linux/ioprio.h */
const CLASS: Readonly<Record<IOPriorityClass, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};
const CLASS_SHIFT = 13;

export function planIoPriority(ioPriority: LinuxIOPriority | undefined, at: string): Step[] {
  if (ioPriority === undefined) return [];
  return [
    {
      op: 'ioprio',
      at,
      value: (CLASS[ioPriority.class] << CLASS_SHIFT) | (ioPriority.priority ?? 0),
    },
  ];
}
