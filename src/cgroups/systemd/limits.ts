/**
 * The limits once more as properties of the unit. What systemd knows it keeps
 * through a daemon-reload and shows in systemctl; the files are written as
 * well, exactly and with what it has no property for.
 *
 * Source: systemd.resource-control(5), org.freedesktop.systemd1(5).
 */

import type { BusItem } from '../../native/types.js';
import type { CgroupWrite } from '../limits/write.js';
import type { UnitProperty } from './properties.js';

/** systemd's `infinity`. */
export const INFINITY = '18446744073709551615';

/** The CPUWeight for which systemd writes cpu.idle (CGROUP_WEIGHT_IDLE), and the weight of a group that is not idle. */
const IDLE = '0';
const DEFAULT_WEIGHT = '100';

type Value = readonly [signature: string, ...items: BusItem[]];

/** Files that hold one number or `max`, and their property of type `t`. */
const NUMBERS: Readonly<Record<string, string>> = {
  'memory.max': 'MemoryMax',
  'memory.high': 'MemoryHigh',
  'memory.low': 'MemoryLow',
  'memory.min': 'MemoryMin',
  'memory.swap.max': 'MemorySwapMax',
  'pids.max': 'TasksMax',
  'cpu.weight': 'CPUWeight',
};

const CPU_SETS: Readonly<Record<string, string>> = {
  'cpuset.cpus': 'AllowedCPUs',
  'cpuset.mems': 'AllowedMemoryNodes',
};

/** Keys of io.max. */
const IO_LIMITS: Readonly<Record<string, string>> = {
  rbps: 'IOReadBandwidthMax',
  wbps: 'IOWriteBandwidthMax',
  riops: 'IOReadIOPSMax',
  wiops: 'IOWriteIOPSMax',
};

/** A property can stand for the quota in whole percents: it must not be below what was asked for. */
const PERCENT_USEC = 10_000n;
const SECOND_USEC = 1_000_000n;

/** @returns of the writes that systemd has a property for, in their order */
export function limitProperties(writes: readonly CgroupWrite[]): UnitProperty[] {
  const properties: UnitProperty[] = [];
  for (const write of writes) {
    const { pointer } = write;
    // systemd writes to both files of a weight by itself.
    const { file, value } = write.fallback ?? write;
    const add = (name: string, content: Value): void => {
      properties.push({ name, value: content, pointer });
    };
    const text = value.trim();
    const number = NUMBERS[file];
    const set = CPU_SETS[file];
    if (number !== undefined) add(number, uint64(text === 'max' ? INFINITY : text));
    else if (set !== undefined) add(set, bitMask(text));
    else if (file === 'cpu.idle') add('CPUWeight', uint64(text === '1' ? IDLE : DEFAULT_WEIGHT));
    else if (file === 'cpu.max') addQuota(text, add);
    else if (file === 'io.weight') addWeight(text, add);
    else if (file === 'io.max') addThrottles(text, add);
  }
  return properties.filter(({ value: [, item] }) => item !== undefined && isNumeric(item));
}

export function uint64(text: string): Value {
  return ['t', ['t', text]];
}

/** A file of `unified` may hold a unit of measure, which only the kernel reads. */
function isNumeric([code, text]: BusItem): boolean {
  return code !== 't' || /^[0-9]+$/.test(text);
}

function addQuota(text: string, add: (name: string, value: Value) => void): void {
  const [quota = '', period = '100000'] = text.split(/\s+/);
  if (!/^[1-9][0-9]*$/.test(period)) return;
  if (quota === 'max') {
    add('CPUQuotaPerSecUSec', uint64(INFINITY));
  } else if (/^[0-9]+$/.test(quota)) {
    const exact = (BigInt(quota) * SECOND_USEC) / BigInt(period);
    const rounded = ((exact + PERCENT_USEC - 1n) / PERCENT_USEC) * PERCENT_USEC;
    add('CPUQuotaPerSecUSec', uint64(rounded.toString()));
  }
  add('CPUQuotaPeriodUSec', uint64(period));
}

function addWeight(text: string, add: (name: string, value: Value) => void): void {
  const [first = '', second] = text.split(/\s+/);
  if (second === undefined) add('IOWeight', uint64(first));
  else if (first === 'default') add('IOWeight', uint64(second));
  else if (second !== 'default') add('IODeviceWeight', ofDevice(first, second));
}

function addThrottles(text: string, add: (name: string, value: Value) => void): void {
  const [device = '', ...limits] = text.split(/\s+/);
  for (const limit of limits) {
    const [key = '', number = ''] = limit.split('=');
    const name = IO_LIMITS[key];
    if (name !== undefined) add(name, ofDevice(device, number === 'max' ? INFINITY : number));
  }
}

/** @param numbers MAJOR:MINOR, which systemd reads out of such a path without looking for it */
function ofDevice(numbers: string, value: string): Value {
  return [
    'a(st)',
    ['a', '(st)'],
    ['r', 'st'],
    ['s', `/dev/block/${numbers}`],
    ['t', value],
    [')', ''],
    [')', ''],
  ];
}

/** A list as cpuset(7) has it, as a mask of bytes, the lowest numbers first. */
function bitMask(list: string): Value {
  const bytes: number[] = [];
  for (const range of list.split(',')) {
    const match = /^([0-9]+)(?:-([0-9]+))?$/.exec(range.trim());
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    // Far above what a kernel can have (NR_CPUS), and enough for every mask.
    for (let bit = first; bit <= Math.min(last, 0xffff); bit++) {
      while (bytes.length <= bit >> 3) bytes.push(0);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }
  return ['ay', ['a', 'y'], ...bytes.map((byte): BusItem => ['y', byte.toString()]), [')', '']];
}
