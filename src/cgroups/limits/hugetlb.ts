/**
 * linux.resources.hugepageLimits → hugetlb.SIZE.max and hugetlb.SIZE.rsvd.max,
 * in bytes (Documentation/admin-guide/cgroup-v2.rst, "HugeTLB Interface Files").
 */

import type { LinuxHugepageLimit } from '../../spec/types.js';
import type { CgroupWrite } from './write.js';

/**
 * What is reserved counts, and what is touched without a reservation
 * (config-linux.md, "Huge page limits"). Kernels before 5.7 know no reservations.
 */
export function hugetlbWrites(limits: readonly LinuxHugepageLimit[], at: string): CgroupWrite[] {
  return limits.flatMap(({ pageSize, limit }, index): CgroupWrite[] => {
    const size = kernelSize(pageSize);
    const value = String(limit);
    const pointer = `${at}/${index}/limit`;
    return [
      { file: `hugetlb.${size}.max`, value, pointer },
      { file: `hugetlb.${size}.rsvd.max`, value, pointer, mayLack: true },
    ];
  });
}

/** The kernel has one name for a size, in the largest unit: 1024MB is its 1GB. */
function kernelSize(pageSize: string): string {
  let number = Number(pageSize.slice(0, -2));
  let unit = 'KMG'.indexOf(pageSize.charAt(pageSize.length - 2));
  while (unit < 2 && number % 1024 === 0) {
    number /= 1024;
    unit++;
  }
  return `${number}${'KMG'.charAt(unit)}B`;
}
