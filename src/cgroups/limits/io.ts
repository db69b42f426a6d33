/**
 * linux.resources.blockIO → io.bfq.weight or io.weight, and io.max
 * (Documentation/admin-guide/cgroup-v2.rst, "IO Interface Files";
 * Documentation/block/bfq-iosched.rst).
 */

import type { LinuxBlockIO, LinuxThrottleDevice } from '../../spec/types.js';
import type { CgroupWrite } from './write.js';

/** Fields of blockIO, and what io.max calls them. */
const THROTTLES = [
  ['throttleReadBpsDevice', 'rbps'],
  ['throttleWriteBpsDevice', 'wbps'],
  ['throttleReadIOPSDevice', 'riops'],
  ['throttleWriteIOPSDevice', 'wiops'],
] as const;

/**
 * A weight of v1, 10 to 1000, as io.weight, 1 to 10000: linear, as runc and
 * crun do it.
 */
export function ioWeight(weight: number): number {
  return Math.max(1, 1 + Math.floor(((weight - 10) * 9999) / 990));
}

export function ioWrites(blockIO: LinuxBlockIO, at: string): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  if (blockIO.weight) {
    writes.push(weightWrite('', blockIO.weight, `${at}/weight`));
  }
  blockIO.weightDevice?.forEach(({ major, minor, weight }, index) => {
    if (!weight) return;
    writes.push(weightWrite(`${major}:${minor} `, weight, `${at}/weightDevice/${index}/weight`));
  });
  for (const [field, key] of THROTTLES) {
    blockIO[field]?.forEach((entry, index) => {
      writes.push(throttle(entry, key, `${at}/${field}/${index}/rate`));
    });
  }
  return writes;
}

/** With the bfq scheduler weights are its own, and on the scale of v1. */
function weightWrite(device: string, weight: number, pointer: string): CgroupWrite {
  return {
    file: 'io.bfq.weight',
    value: `${device}${weight}`,
    pointer,
    fallback: { file: 'io.weight', value: `${device}${ioWeight(weight)}` },
  };
}

/** A rate of 0 takes a limit away, as in v1. */
function throttle(
  { major, minor, rate }: LinuxThrottleDevice,
  key: string,
  pointer: string,
): CgroupWrite {
  return {
    file: 'io.max',
    value: `${major}:${minor} ${key}=${Number(rate) === 0 ? 'max' : rate}`,
    pointer,
    ...(Number(rate) === 0 ? { isDefault: true } : {}),
  };
}
