/** process.execCPUAffinity (sched_setaffinity(2)). It is about exec only. */

import { invalid } from './invalid.js';
import type { Step } from './steps.js';

/** The kernel's largest NR_CPUS. */
const MAX_CPUS = 8192;

/** The numbers of a list such as `0-3,7` (cpuset(7), list format), in order and once each. */
export function parseCpuList(list: string, at: string): number[] {
  const cpus = new Set<number>();
  for (const part of list.split(',')) {
    const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    if (range === null) throw invalid(at, `not a list of cpus: ${list}`);
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    if (last < first || last >= MAX_CPUS) throw invalid(at, `not a range of cpus: ${part}`);
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

export function planAffinity(list: string | undefined, at: string): Step[] {
  if (list === undefined || list === '') return [];
  return [{ op: 'affinity', at, cpus: parseCpuList(list, at) }];
}
