/**
 * What a cgroup has used, from its files (Documentation/admin-guide/cgroup-v2.rst).
 * A controller that it does not have is left out.
 */

import { EOPNOTSUPP } from '../native/constants.js';
import { cannotLook, isAbsent } from '../native/look.js';
import type { Native } from '../native/types.js';
import { procs } from './processes.js';
import type { CgroupPlace } from './record.js';

/** A bigint only where a number would not be exact. */
export type Count = number | bigint;

/** Share of the time in which something had to wait (Documentation/accounting/psi.rst). */
export interface Pressure {
  /** Percent of the last 10, 60 and 300 seconds. */
  avg10: number;
  avg60: number;
  avg300: number;
  /** Microseconds in all. */
  total: Count;
}

export interface PressureStats {
  /** At least one process waited. */
  some?: Pressure;
  /** All of them did. */
  full?: Pressure;
}

export interface MemoryUse {
  /** Bytes. */
  usage: Count;
  /** Bytes; absent without a limit. */
  limit?: Count;
  /** Most bytes that were in use at once; absent where the kernel does not tell. */
  peak?: Count;
}

export interface IoUse {
  /** Numbers of the block device. */
  major: number;
  minor: number;
  /** Bytes and operations. */
  readBytes: Count;
  writtenBytes: Count;
  reads: Count;
  writes: Count;
}

export interface ContainerStats {
  cpu: {
    /** Microseconds. */
    usage: Count;
    /** Microseconds outside and inside of the kernel. */
    user: Count;
    system: Count;
    /** Periods of cpu.max, those in which the quota did not suffice, and microseconds lost so. */
    periods: Count;
    throttledPeriods: Count;
    throttledTime: Count;
    pressure?: PressureStats;
  };
  memory?: MemoryUse & {
    /** Swap alone. */
    swap?: MemoryUse;
    /** How often it came to low, high, max, oom, oom_kill, oom_group_kill. */
    events: Record<string, Count>;
    /** memory.stat: bytes, and numbers of events. */
    details: Record<string, Count>;
    pressure?: PressureStats;
  };
  pids: {
    /** Number of tasks; of processes where the controller is not there. */
    current: Count;
    /** Absent without a limit. */
    limit?: Count;
  };
  io: { devices: IoUse[]; pressure?: PressureStats };
  /** By page size, as 2MB. */
  hugetlb: Record<
    string,
    {
      /** Bytes. */ usage: Count;
      limit?: Count;
      /** How often the limit was hit. */ failures: Count;
    }
  >;
}

const FILE_MAX = 1024 * 1024;

/** @throws TsrunError ERR_CGROUP */
export async function readStats(native: Native, cgroup: CgroupPlace): Promise<ContainerStats> {
  const files = new Files(native, cgroup.path);
  const cpu = files.table('cpu.stat');
  const memory = readMemory(files);
  const current = files.count('pids.current');
  const limit = files.count('pids.max');
  return {
    cpu: {
      usage: cpu['usage_usec'] ?? 0,
      user: cpu['user_usec'] ?? 0,
      system: cpu['system_usec'] ?? 0,
      periods: cpu['nr_periods'] ?? 0,
      throttledPeriods: cpu['nr_throttled'] ?? 0,
      throttledTime: cpu['throttled_usec'] ?? 0,
      ...files.pressure('cpu.pressure'),
    },
    ...(memory === undefined ? {} : { memory }),
    pids: {
      current: current ?? (await procs(native, cgroup)).length,
      ...(limit === undefined ? {} : { limit }),
    },
    io: { devices: ioDevices(files.text('io.stat') ?? ''), ...files.pressure('io.pressure') },
    hugetlb: readHugetlb(native, cgroup, files),
  };
}

function readMemory(files: Files): ContainerStats['memory'] {
  const memory = files.use('memory');
  if (memory === undefined) return undefined;
  const swap = files.use('memory.swap');
  return {
    ...memory,
    ...(swap === undefined ? {} : { swap }),
    events: files.table('memory.events'),
    details: files.table('memory.stat'),
    ...files.pressure('memory.pressure'),
  };
}

function readHugetlb(
  native: Native,
  { path }: CgroupPlace,
  files: Files,
): ContainerStats['hugetlb'] {
  const found: ContainerStats['hugetlb'] = {};
  const names = native.readdir(path);
  if (typeof names === 'number') {
    if (isAbsent(names)) return found;
    throw cannotLook(native, `read cgroup ${path}`, names, 'ERR_CGROUP');
  }
  for (const name of names.sort()) {
    const size = /^hugetlb\.([0-9]+[KMG]B)\.current$/.exec(name)?.[1];
    if (size === undefined) continue;
    const limit = files.count(`hugetlb.${size}.max`);
    found[size] = {
      usage: files.count(name) ?? 0,
      ...(limit === undefined ? {} : { limit }),
      failures: files.table(`hugetlb.${size}.events`)['max'] ?? 0,
    };
  }
  return found;
}

/** io.stat: a line for each device, as `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. */
export function ioDevices(text: string): IoUse[] {
  const devices: IoUse[] = [];
  for (const line of text.split('\n')) {
    const [device = '', ...pairs] = line.split(' ');
    const [major, minor] = device.split(':').map(Number);
    if (major === undefined || minor === undefined || Number.isNaN(major + minor)) continue;
    const values: Record<string, Count | undefined> = {};
    for (const pair of pairs) {
      const [key = '', value = ''] = pair.split('=');
      values[key] = toCount(value);
    }
    devices.push({
      major,
      minor,
      readBytes: values['rbytes'] ?? 0,
      writtenBytes: values['wbytes'] ?? 0,
      reads: values['rios'] ?? 0,
      writes: values['wios'] ?? 0,
    });
  }
  return devices;
}

/** cpu.pressure and the like: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`. */
export function parsePressure(text: string): PressureStats {
  const found: PressureStats = {};
  for (const line of text.split('\n')) {
    const match =
      /^(some|full) avg10=(\d+\.\d+) avg60=(\d+\.\d+) avg300=(\d+\.\d+) total=(\d+)$/.exec(line);
    if (match === null) continue;
    found[match[1] as 'some' | 'full'] = {
      avg10: Number(match[2]),
      avg60: Number(match[3]),
      avg300: Number(match[4]),
      total: toCount(match[5] ?? '') ?? 0,
    };
  }
  return found;
}

/** Undefined for what is no number: `max` means no limit. */
function toCount(text: string): Count | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/** Lines of a name and a number. */
export function parseTable(text: string): Record<string, Count> {
  const table: Record<string, Count> = {};
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const count = toCount(line.slice(space + 1));
    if (space > 0 && count !== undefined) table[line.slice(0, space)] = count;
  }
  return table;
}

class Files {
  constructor(
    private readonly native: Native,
    private readonly directory: string,
  ) {}

  /** @throws TsrunError ERR_CGROUP: what cannot be read is not nothing */
  text(file: string): string | undefined {
    const path = `${this.directory}/${file}`;
    const text = this.native.readText(path, FILE_MAX);
    if (typeof text === 'string') return text;
    // EOPNOTSUPP: pressure where the kernel does not account for it.
    if (isAbsent(text) || text === -EOPNOTSUPP) return undefined;
    throw cannotLook(this.native, `read ${path}`, text, 'ERR_CGROUP');
  }

  count(file: string): Count | undefined {
    return toCount(this.text(file)?.trim() ?? '');
  }

  table(file: string): Record<string, Count> {
    return parseTable(this.text(file) ?? '');
  }

  use(name: string): MemoryUse | undefined {
    const usage = this.count(`${name}.current`);
    if (usage === undefined) return undefined;
    const limit = this.count(`${name}.max`);
    const peak = this.count(`${name}.peak`);
    return {
      usage,
      ...(limit === undefined ? {} : { limit }),
      ...(peak === undefined ? {} : { peak }),
    };
  }

  /** Absent where the kernel does not account for it. */
  pressure(file: string): { pressure?: PressureStats } {
    const text = this.text(file);
    return text === undefined ? {} : { pressure: parsePressure(text) };
  }
}
