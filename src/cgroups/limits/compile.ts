/** linux.resources → the writes that put it into force, in order. Needs no privilege. */

import type { LinuxResources } from '../../spec/types.js';
import { cpuWrites } from './cpu.js';
import { cpusetWrites } from './cpuset.js';
import { ignoredResources } from './demands.js';
import { hugetlbWrites } from './hugetlb.js';
import { ioWrites } from './io.js';
import { memoryWrites } from './memory.js';
import { pidsWrites } from './pids.js';
import { rdmaWrites } from './rdma.js';
import { unifiedWrites } from './unified.js';
import type { CgroupWrite, Current } from './write.js';

export interface LimitContext {
  /** JSON pointer of the resources. */
  at: string;
  /** Of the container's configuration. */
  ociVersion: string;
  /** Gives what is in force, where limits are changed: some are relative to each other. */
  current?: Current;
}

export interface Limits {
  writes: CgroupWrite[];
  /** What the log should say about fields that have no meaning in v2. */
  warnings: string[];
}

/**
 * Devices are not among them: devices/program.ts.
 *
 * @throws TsrunError ERR_CONFIG_INVALID with the pointer of a field that
 *   contradicts another
 */
export function compileLimits(resources: LinuxResources, context: LimitContext): Limits {
  const { at, ociVersion, current } = context;
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, unified } = resources;
  const warnings = ignoredResources(resources, at);
  const writes: CgroupWrite[] = [
    ...(pids === undefined ? [] : pidsWrites(pids, `${at}/pids`, ociVersion)),
    ...(cpu === undefined ? [] : cpuWrites(cpu, `${at}/cpu`, current, warnings)),
    ...(cpu === undefined ? [] : cpusetWrites(cpu, `${at}/cpu`)),
    ...(blockIO === undefined ? [] : ioWrites(blockIO, `${at}/blockIO`)),
    ...(hugepageLimits === undefined ? [] : hugetlbWrites(hugepageLimits, `${at}/hugepageLimits`)),
    ...(rdma === undefined ? [] : rdmaWrites(rdma, `${at}/rdma`)),
    ...(memory === undefined ? [] : memoryWrites(memory, `${at}/memory`, current)),
    ...(unified === undefined ? [] : unifiedWrites(unified, `${at}/unified`)),
  ];
  // The one that can kill comes last: when another fails, it has done no harm.
  const kills = ({ file }: CgroupWrite): boolean => file === 'memory.max';
  return {
    writes: [...writes.filter((write) => !kills(write)), ...writes.filter(kills)],
    warnings,
  };
}

/** Whether there is anything to compile: most configurations have device rules alone. */
export function hasLimits(resources: LinuxResources | undefined): resources is LinuxResources {
  for (const name in resources) {
    if (name !== 'devices') return true;
  }
  return false;
}
