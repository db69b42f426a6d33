/** process.execCPUAffinity (sched_setaffinity(2)). It is about exec only. */

import { parseCpuList } from '../spec/cpu-list.js';
import { invalid } from './invalid.js';
import type { Step } from './steps.js';

export function planAffinity(list: string | undefined, at: string): Step[] {
  if (list === undefined || list === '') return [];
  const cpus = parseCpuList(list);
  if (cpus === undefined) throw invalid(at, `not a list of CPUs such as 0-3,7: ${list}`);
  return [{ op: 'affinity', at, cpus }];
}
