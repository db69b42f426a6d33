/**
 * linux.resources.cpu but its sets → cpu.weight, cpu.max, cpu.max.burst, cpu.idle
 * (Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files"). Times are
 * in microseconds.
 */

import { TsrunError } from '../../errors.js';
import type { LinuxCPU } from '../../spec/types.js';
import { given } from './write.js';
import type { CgroupWrite, Current } from './write.js';

/** Of cpu.max, where nothing says otherwise. */
const DEFAULT_PERIOD = 100000n;

/** Least and greatest cpu.shares of v1 (kernel/sched/sched.h, MIN_SHARES and MAX_SHARES). */
const SHARES_MIN = 2;
const SHARES_MAX = 262144;

/**
 * cpu.shares of v1 as cpu.weight: 2 is 1, 1024 is 100 (both are the default),
 * 262144 is 10000, and in between 10 to the power of a quadratic function of
 * log2(shares), rounded up. It is the current conversion of runc and crun; the
 * linear one that they had before gave 1024 a weight of 39.
 */
export function cpuWeight(shares: number): number {
  if (shares <= SHARES_MIN) return 1;
  if (shares >= SHARES_MAX) return 10000;
  const log = Math.log2(shares);
  const weight = Math.pow(10, (log * log + 125 * log) / 612 - 7 / 34);
  // Not up for the last digit's sake: engines differ there.
  return Math.ceil(weight - 1e-9);
}

/** @throws TsrunError ERR_CONFIG_INVALID for a burst above the quota */
export function cpuWrites(
  cpu: LinuxCPU,
  at: string,
  current: Current | undefined,
  warnings: string[],
): CgroupWrite[] {
  return [...weight(cpu, at, warnings), ...bandwidth(cpu, at, current)];
}

function weight(cpu: LinuxCPU, at: string, warnings: string[]): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  // Before the weight, which an idle group refuses.
  if (cpu.idle !== undefined) {
    const value = String(cpu.idle);
    writes.push({
      file: 'cpu.idle',
      value,
      pointer: `${at}/idle`,
      ...(value === '0' ? { isDefault: true } : {}),
    });
  }
  const shares = given(cpu.shares);
  if (shares === undefined) return writes;
  if (cpu.idle === 1) {
    warnings.push(`${at}/shares: ignored, a group that is idle has the least weight there is`);
    return writes;
  }
  const value = String(cpuWeight(Number(shares)));
  return [...writes, { file: 'cpu.weight', value, pointer: `${at}/shares` }];
}

/** The kernel wants burst to be no larger than quota at every moment. */
function bandwidth(cpu: LinuxCPU, at: string, current: Current | undefined): CgroupWrite[] {
  const now = maximum(current);
  const quota = given(cpu.quota);
  const burst = cpu.burst === undefined ? undefined : BigInt(cpu.burst);
  const limit = cpuMax(cpu, at, current);
  const after = quota === undefined ? now : quota > 0n ? quota : undefined;
  const left = burst ?? numberIn(current?.('cpu.max.burst')) ?? 0n;
  if (after !== undefined && left > after && (burst !== undefined || limit !== undefined)) {
    const pointer = burst === undefined ? `${at}/quota` : `${at}/burst`;
    const message = `the burst, ${left}, must not be greater than the quota, ${after}`;
    throw new TsrunError('ERR_CONFIG_INVALID', `${pointer}: ${message}`, { pointer });
  }
  if (burst === undefined) return limit === undefined ? [] : [limit];
  const write: CgroupWrite = {
    file: 'cpu.max.burst',
    value: String(burst),
    pointer: `${at}/burst`,
    ...(burst === 0n ? { isDefault: true } : {}),
  };
  if (limit === undefined) return [write];
  return now === undefined || burst <= now ? [write, limit] : [limit, write];
}

function cpuMax(cpu: LinuxCPU, at: string, current: Current | undefined): CgroupWrite | undefined {
  const quota = given(cpu.quota);
  const period = given(cpu.period);
  if (quota === undefined && period === undefined) return undefined;
  const kept = (quota === undefined ? current?.('cpu.max')?.split(' ')[0] : undefined) ?? 'max';
  const maximum = quota === undefined ? kept : quota > 0n ? String(quota) : 'max';
  // Without a number the kernel keeps the period that there is.
  const cycle = period ?? (current === undefined ? DEFAULT_PERIOD : undefined);
  return {
    file: 'cpu.max',
    value: cycle === undefined ? maximum : `${maximum} ${cycle}`,
    pointer: `${at}/${quota === undefined ? 'period' : 'quota'}`,
    ...(maximum === 'max' ? { isDefault: true } : {}),
  };
}

/** The quota that is in force; undefined for none. */
function maximum(current: Current | undefined): bigint | undefined {
  return numberIn(current?.('cpu.max')?.split(' ')[0]);
}

function numberIn(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d+\n?$/.test(text) ? BigInt(text.trim()) : undefined;
}
