/**
 * linux.resources.cpu.cpus and mems → cpuset.cpus, cpuset.mems: lists such as
 * 0-3,7 (Documentation/admin-guide/cgroup-v2.rst, "Cpuset Interface Files").
 */

import type { LinuxCPU } from '../../spec/types.js';
import type { CgroupWrite } from './write.js';

export function cpusetWrites({ cpus, mems }: LinuxCPU, at: string): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  if (cpus !== undefined && cpus !== '') {
    writes.push({ file: 'cpuset.cpus', value: cpus, pointer: `${at}/cpus` });
  }
  if (mems !== undefined && mems !== '') {
    writes.push({ file: 'cpuset.mems', value: mems, pointer: `${at}/mems` });
  }
  return writes;
}
