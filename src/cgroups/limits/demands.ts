/** What linux.resources asks for and cgroup v2 cannot give: refused by name. */

import type { CreateProblem } from '../../spec/create-demands.js';
import { pointerToken } from '../../spec/problem.js';
import type { LinuxResources } from '../../spec/types.js';
import { given } from './write.js';

/** Files that do something to processes, which is for the runtime to do. */
const ACTIONS = ['cgroup.procs', 'cgroup.threads', 'cgroup.kill', 'cgroup.freeze'];

/** @param at pointer of the resources: /linux/resources, or empty for those of `update` */
export function resourceProblems(
  resources: LinuxResources | undefined,
  at: string,
): CreateProblem[] {
  if (resources === undefined) return [];
  const { cpu, network, unified } = resources;
  const problems: CreateProblem[] = [];
  const refuse = (pointer: string, message: string): void => {
    problems.push({ pointer: `${at}${pointer}`, message, code: 'ERR_UNSUPPORTED' });
  };
  for (const name of ['realtimeRuntime', 'realtimePeriod'] as const) {
    if (given(cpu?.[name]) !== undefined) {
      refuse(`/cpu/${name}`, 'is not supported: cgroup v2 has no limits of real-time scheduling');
    }
  }
  // A firewall may rely on it.
  if (given(network?.classID) !== undefined) {
    refuse('/network/classID', 'is not supported: cgroup v2 has no net_cls; match by cgroup path');
  }
  for (const name of Object.keys(unified ?? {})) {
    if (ACTIONS.includes(name)) {
      refuse(`/unified/${pointerToken(name)}`, 'is not a limit and cannot be set here');
    }
  }
  return problems;
}

/** What v2 has no equal for and can be done without: runc ignores it, too. */
export function ignoredResources(resources: LinuxResources, at: string): string[] {
  const { memory, blockIO, network } = resources;
  const warnings: string[] = [];
  const ignore = (pointer: string, why: string): void => {
    warnings.push(`${at}${pointer}: ignored: ${why}`);
  };
  if (limited(memory?.kernel)) ignore('/memory/kernel', 'v2 counts it as memory');
  if (limited(memory?.kernelTCP)) ignore('/memory/kernelTCP', 'v2 counts it as memory');
  if (memory?.swappiness !== undefined && memory.swappiness !== 60) {
    ignore('/memory/swappiness', 'v2 has none of a group');
  }
  if (memory?.disableOOMKiller === true) {
    ignore('/memory/disableOOMKiller', 'in v2 processes over the limit are killed');
  }
  if (memory?.useHierarchy === false) ignore('/memory/useHierarchy', 'v2 always counts so');
  if (blockIO?.leafWeight) ignore('/blockIO/leafWeight', 'v2 has none');
  blockIO?.weightDevice?.forEach(({ leafWeight }, index) => {
    if (leafWeight) ignore(`/blockIO/weightDevice/${index}/leafWeight`, 'v2 has none');
  });
  if ((network?.priorities ?? []).length > 0) ignore('/network/priorities', 'v2 has no net_prio');
  return warnings;
}

/** -1 is what v2 has. */
function limited(value: number | bigint | undefined): boolean {
  return value !== undefined && value > 0;
}
