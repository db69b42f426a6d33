/** Events in the words of `runc events`, for the programs that read those. */

import type { ContainerStats, Count, MemoryUse, PressureStats, IoUse } from '../cgroups/stats.js';
import type { ContainerEvent } from '../lifecycle/events.js';
import { toGoJson } from './output.js';

/** No limit of memory, in v1's words. */
const UNLIMITED = 18446744073709551615n;

/** One object on a line. */
export function eventLine(id: string, event: ContainerEvent): string {
  const data = event.type === 'stats' ? { data: statsData(event.stats) } : {};
  return toGoJson({ type: event.type, id, ...data });
}

/** Times are in nanoseconds, amounts in bytes; swap is memory and swap together, as in v1. */
export function statsData({ cpu, memory, pids, io, hugetlb }: ContainerStats): unknown {
  return {
    cpu: {
      usage: {
        total: nanoseconds(cpu.usage),
        kernel: nanoseconds(cpu.system),
        user: nanoseconds(cpu.user),
      },
      throttling: {
        periods: cpu.periods,
        throttledPeriods: cpu.throttledPeriods,
        throttledTime: nanoseconds(cpu.throttledTime),
      },
      ...pressure(cpu.pressure),
    },
    memory: memory === undefined ? {} : memoryData(memory),
    pids: { current: pids.current, limit: pids.limit ?? 0 },
    blkio: {
      ioServiceBytesRecursive: entries(io.devices, 'readBytes', 'writtenBytes'),
      ioServicedRecursive: entries(io.devices, 'reads', 'writes'),
      ...pressure(io.pressure),
    },
    hugetlb: Object.fromEntries(
      Object.entries(hugetlb).map(([size, { usage, failures }]) => [
        size,
        { usage, failcnt: failures },
      ]),
    ),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function memoryData(memory: NonNullable<ContainerStats['memory']>): unknown {
  const { swap, events, details } = memory;
  return {
    cache: details['file'] ?? 0,
    usage: entry(memory, events['max'] ?? 0),
    swap: entry(swap === undefined ? memory : together(memory, swap), 0),
    kernel: entry({ usage: details['kernel'] ?? 0 }, 0),
    kernelTCP: entry({ usage: details['sock'] ?? 0 }, 0),
    raw: details,
    ...pressure(memory.pressure),
    event_count: events,
  };
}

function entry({ usage, limit, peak }: MemoryUse, failcnt: Count): unknown {
  return {
    limit: limit ?? UNLIMITED,
    usage,
    ...(peak === undefined ? {} : { max: peak }),
    failcnt,
  };
}

function together(memory: MemoryUse, swap: MemoryUse): MemoryUse {
  const usage = BigInt(memory.usage) + BigInt(swap.usage);
  if (memory.limit === undefined || swap.limit === undefined) return { usage };
  return { usage, limit: BigInt(memory.limit) + BigInt(swap.limit) };
}

function nanoseconds(microseconds: Count): bigint {
  return BigInt(microseconds) * 1000n;
}

function entries(devices: readonly IoUse[], read: keyof IoUse, write: keyof IoUse): unknown[] {
  return devices.flatMap((device) => {
    const { major, minor } = device;
    return [
      { major, minor, op: 'Read', value: device[read] },
      { major, minor, op: 'Write', value: device[write] },
    ];
  });
}

function pressure(psi: PressureStats | undefined): { psi?: PressureStats } {
  return psi === undefined ? {} : { psi };
}
