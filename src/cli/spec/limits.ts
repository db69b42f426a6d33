/** `spec --memory` and `--cpus`: the two limits that people write by hand. */

import { tooLittleMemory } from '../least-memory.js';
import { invalidValue } from './invalid.js';

const UNITS = 'KMGT';

/** The period that the kernel begins with, in microseconds (cpu.max of cgroup v2). */
const CPU_PERIOD = 100_000;

/** Bytes of `512M`, `2G`, `1048576`: units are powers of 1024, and -1 is no limit. */
export function memoryLimit(text: string): number {
  if (text === '-1') return -1;
  const [, digits = '', unit = ''] = /^(\d{1,15})([KMGT]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** (unit === '' ? 0 : UNITS.indexOf(unit.toUpperCase()) + 1);
  if (bytes === 0 || !Number.isSafeInteger(bytes)) {
    throw invalidValue('memory', text, 'a number of bytes, with K, M, G or T for its unit, or -1');
  }
  const least = tooLittleMemory(bytes);
  if (least !== undefined) throw invalidValue('memory', text, least);
  return bytes;
}

/** CPU time of so many CPUs (`0.5`, `2`), as a quota within the kernel's usual period. */
export function cpuQuota(text: string): { quota: number; period: number } {
  const quota = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * CPU_PERIOD) : 0;
  // The kernel's least quota is a millisecond.
  if (quota < 1000) throw invalidValue('cpus', text, 'a number from 0.01 on');
  return { quota, period: CPU_PERIOD };
}
