import { describe, expect, it } from 'vitest';

import { compileLimits, hasLimits } from '../../../../src/cgroups/limits/compile.js';
import type { LimitContext, Limits } from '../../../../src/cgroups/limits/compile.js';
import { cpuWeight } from '../../../../src/cgroups/limits/cpu.js';
import { ioWeight } from '../../../../src/cgroups/limits/io.js';
import { checkUsage } from '../../../../src/cgroups/limits/memory.js';
import { TsrunError } from '../../../../src/errors.js';
import type { LinuxResources } from '../../../../src/spec/types.js';

const compile = (resources: LinuxResources, context: Partial<LimitContext> = {}): Limits =>
  compileLimits(resources, { at: '', ociVersion: '1.3.0', ...context });

/** The writes as `file=value`, those that a new cgroup does not need in brackets. */
function texts(resources: LinuxResources, context: Partial<LimitContext> = {}): string[] {
  return compile(resources, context).writes.map(({ file, value, isDefault }) =>
    isDefault === true ? `(${file}=${value})` : `${file}=${value}`,
  );
}

/** What files hold now. */
const holding = (files: Record<string, string>): Partial<LimitContext> => ({
  current: (file) => files[file],
});

function refusal(resources: LinuxResources, context: Partial<LimitContext> = {}): TsrunError {
  try {
    compile(resources, context);
  } catch (error) {
    if (error instanceof TsrunError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('memory', () => {
  it.each<[LinuxResources['memory'], string[]]>([
    [{}, []],
    [{ limit: 0, reservation: 0, swap: 0 }, []],
    [{ limit: 1000 }, ['memory.max=1000']],
    [{ limit: 9223372036854775807n }, ['memory.max=9223372036854775807']],
    [{ reservation: 500 }, ['memory.low=500']],
    [{ reservation: -1 }, ['memory.low=max']],
    // Swap alone is what is left of both together.
    [{ limit: 1000, swap: 1500 }, ['memory.swap.max=500', 'memory.max=1000']],
    [{ limit: 1000, swap: 1000 }, ['memory.swap.max=0', 'memory.max=1000']],
    [{ limit: 1000, swap: -1 }, ['(memory.swap.max=max)', 'memory.max=1000']],
    [{ limit: -1, swap: 700 }, ['memory.swap.max=700', '(memory.max=max)']],
    [{ limit: -1 }, ['(memory.swap.max=max)', '(memory.max=max)']],
    [{ swap: -1 }, ['(memory.swap.max=max)']],
    [
      { limit: 9007199254740993n, swap: 9007199254740994n },
      ['memory.swap.max=1', 'memory.max=9007199254740993'],
    ],
  ])('%o', (memory, writes) => {
    expect(texts({ memory: memory ?? {} })).toEqual(writes);
  });

  it('is fine with a kernel that knows no swap where none is to be used', () => {
    const [swap] = compile({ memory: { limit: 10, swap: 10 } }).writes;
    expect(swap).toMatchObject({ pointer: '/memory/swap', mayLack: true });
    expect(compile({ memory: { limit: 10, swap: 20 } }).writes[0]).not.toHaveProperty('mayLack');
  });

  it('refuses a swap that cannot be', () => {
    expect(refusal({ memory: { limit: 1000, swap: 999 } })).toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      pointer: '/memory/swap',
    });
    expect(refusal({ memory: { swap: 999 } }).message).toContain('without a limit of memory');
  });

  it('counts with the limits that are in force', () => {
    const now = holding({ 'memory.max': '1000\n', 'memory.swap.max': '500\n' });
    expect(texts({ memory: { swap: 1700 } }, now)).toEqual(['memory.swap.max=700']);
    // Both together stay what they were.
    expect(texts({ memory: { limit: 1200 } }, now)).toEqual([
      'memory.swap.max=300',
      'memory.max=1200',
    ]);
    expect(texts({ memory: { limit: 1000 } }, now)).toEqual(['memory.max=1000']);
    expect(refusal({ memory: { limit: 1501 } }, now)).toMatchObject({ pointer: '/memory/limit' });
    const unlimited = holding({ 'memory.max': 'max\n', 'memory.swap.max': 'max\n' });
    expect(texts({ memory: { swap: 1700 } }, unlimited)).toEqual(['memory.swap.max=1700']);
    expect(texts({ memory: { limit: 1200 } }, unlimited)).toEqual(['memory.max=1200']);
  });

  it('is checked against what is in use where that is asked for', () => {
    const current = (): string => '1000\n';
    const check = (memory: LinuxResources['memory']) => () =>
      checkUsage(memory ?? {}, '/memory', current);
    expect(check({ limit: 1000 })).not.toThrow();
    expect(check({ limit: 1001, swap: -1, checkBeforeUpdate: true })).not.toThrow();
    expect(check({ limit: -1, checkBeforeUpdate: true })).not.toThrow();
    expect(check({ limit: 1000, checkBeforeUpdate: true })).toThrow('/memory/limit: refused');
    expect(check({ limit: -1, swap: 999, checkBeforeUpdate: true })).toThrow('/memory/swap');
  });

  it('says what has no meaning in v2', () => {
    const { warnings, writes } = compile({
      memory: {
        kernel: 1,
        kernelTCP: 1,
        swappiness: 0,
        disableOOMKiller: true,
        useHierarchy: false,
      },
      network: { priorities: [{ name: 'eth0', priority: 1 }] },
      blockIO: { leafWeight: 10, weightDevice: [{ major: 8, minor: 0, leafWeight: 10 }] },
    });
    expect(writes).toEqual([]);
    expect(warnings.map((text) => text.split(':')[0])).toEqual([
      '/memory/kernel',
      '/memory/kernelTCP',
      '/memory/swappiness',
      '/memory/disableOOMKiller',
      '/memory/useHierarchy',
      '/blockIO/leafWeight',
      '/blockIO/weightDevice/0/leafWeight',
      '/network/priorities',
    ]);
    const usual = { kernel: -1, kernelTCP: 0, disableOOMKiller: false, useHierarchy: true };
    expect(compile({ memory: usual }).warnings).toEqual([]);
  });
});

describe('cpu', () => {
  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [256, 35],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [4096, 303],
    [262144, 10000],
    [1e9, 10000],
  ])('%i shares weigh %i', (shares, weight) => {
    expect(cpuWeight(shares)).toBe(weight);
  });

  it('weighs more for more shares', () => {
    let last = 0;
    for (let shares = 2; shares <= 262144; shares *= 2) {
      const weight = cpuWeight(shares);
      expect(weight).toBeGreaterThan(last);
      last = weight;
    }
  });

  it.each<[LinuxResources['cpu'], string[]]>([
    [{}, []],
    [{ shares: 0, quota: 0, period: 0 }, []],
    [{ shares: 1024 }, ['cpu.weight=100']],
    [{ quota: 50000 }, ['cpu.max=50000 100000']],
    [{ quota: 50000, period: 20000 }, ['cpu.max=50000 20000']],
    [{ quota: -1 }, ['(cpu.max=max 100000)']],
    [{ period: 20000 }, ['(cpu.max=max 20000)']],
    [{ quota: 0, period: 20000 }, ['(cpu.max=max 20000)']],
    [{ quota: 50000, burst: 10000 }, ['cpu.max.burst=10000', 'cpu.max=50000 100000']],
    [{ burst: 0 }, ['(cpu.max.burst=0)']],
    [{ idle: 1 }, ['cpu.idle=1']],
    [{ idle: 0, shares: 1024 }, ['(cpu.idle=0)', 'cpu.weight=100']],
    [{ cpus: '', mems: '' }, []],
    [{ cpus: '0-1,3', mems: '0' }, ['cpuset.cpus=0-1,3', 'cpuset.mems=0']],
  ])('%o', (cpu, writes) => {
    expect(texts({ cpu: cpu ?? {} })).toEqual(writes);
  });

  it('gives an idle group no weight, and says so', () => {
    const { writes, warnings } = compile({ cpu: { idle: 1, shares: 512 } });
    expect(writes.map(({ file }) => file)).toEqual(['cpu.idle']);
    expect(warnings).toEqual([expect.stringContaining('/cpu/shares: ignored')]);
  });

  it('keeps burst below quota at every moment', () => {
    const now = holding({ 'cpu.max': '50000 100000\n', 'cpu.max.burst': '40000\n' });
    expect(texts({ cpu: { quota: 30000, burst: 20000 } }, now)).toEqual([
      'cpu.max.burst=20000',
      'cpu.max=30000',
    ]);
    expect(texts({ cpu: { quota: 90000, burst: 80000 } }, now)).toEqual([
      'cpu.max=90000',
      'cpu.max.burst=80000',
    ]);
    expect(refusal({ cpu: { quota: 30000 } }, now)).toMatchObject({ pointer: '/cpu/quota' });
    expect(refusal({ cpu: { burst: 50001 } }, now)).toMatchObject({ pointer: '/cpu/burst' });
    expect(refusal({ cpu: { quota: 1000, burst: 1001 } })).toMatchObject({ pointer: '/cpu/burst' });
  });

  it('keeps the half of cpu.max that is not changed', () => {
    const now = holding({ 'cpu.max': '50000 20000\n' });
    expect(texts({ cpu: { quota: 30000 } }, now)).toEqual(['cpu.max=30000']);
    expect(texts({ cpu: { quota: -1 } }, now)).toEqual(['(cpu.max=max)']);
    expect(texts({ cpu: { period: 40000 } }, now)).toEqual(['cpu.max=50000 40000']);
    expect(texts({ cpu: { quota: 0, period: 40000 } }, now)).toEqual(['cpu.max=50000 40000']);
  });
});

describe('pids', () => {
  it.each<[number | bigint, string, string]>([
    [100, '1.3.0', 'pids.max=100'],
    [9007199254740993n, '1.3.0', 'pids.max=9007199254740993'],
    [-1, '1.3.0', '(pids.max=max)'],
    [-7, '1.0.2', '(pids.max=max)'],
    [0, '1.3.0', 'pids.max=1'],
    [0n, '1.10.0', 'pids.max=1'],
    [0, '1.2.1', '(pids.max=max)'],
    [0, '1.0.0', '(pids.max=max)'],
  ])('a limit of %s in %s is %s', (limit, ociVersion, write) => {
    expect(texts({ pids: { limit } }, { ociVersion })).toEqual([write]);
  });
});

describe('blockIO', () => {
  it.each([
    [10, 1],
    [500, 4950],
    [1000, 10000],
    [1, 1],
  ])('a weight of %i is io.weight %i', (weight, expected) => {
    expect(ioWeight(weight)).toBe(expected);
  });

  it('prefers the weights of bfq, for all devices and for one', () => {
    const { writes } = compile({
      blockIO: { weight: 1000, weightDevice: [{ major: 8, minor: 16, weight: 10 }] },
    });
    expect(writes).toEqual([
      {
        file: 'io.bfq.weight',
        value: '1000',
        pointer: '/blockIO/weight',
        fallback: { file: 'io.weight', value: '10000' },
      },
      {
        file: 'io.bfq.weight',
        value: '8:16 10',
        pointer: '/blockIO/weightDevice/0/weight',
        fallback: { file: 'io.weight', value: '8:16 1' },
      },
    ]);
    expect(texts({ blockIO: { weight: 0 } })).toEqual([]);
  });

  it('throttles in io.max', () => {
    const device = { major: 259, minor: 0 };
    const { writes } = compile({
      blockIO: {
        throttleWriteIOPSDevice: [{ ...device, rate: 4 }],
        throttleReadBpsDevice: [
          { ...device, rate: 18446744073709551615n },
          { major: 8, minor: 0, rate: 0 },
        ],
        throttleWriteBpsDevice: [{ ...device, rate: 2 }],
        throttleReadIOPSDevice: [{ ...device, rate: 3 }],
      },
    });
    expect(writes.map(({ value, pointer }) => [value, pointer])).toEqual([
      ['259:0 rbps=18446744073709551615', '/blockIO/throttleReadBpsDevice/0/rate'],
      ['8:0 rbps=max', '/blockIO/throttleReadBpsDevice/1/rate'],
      ['259:0 wbps=2', '/blockIO/throttleWriteBpsDevice/0/rate'],
      ['259:0 riops=3', '/blockIO/throttleReadIOPSDevice/0/rate'],
      ['259:0 wiops=4', '/blockIO/throttleWriteIOPSDevice/0/rate'],
    ]);
  });
});

describe('hugepageLimits, rdma, unified', () => {
  it('limits what is used and what is reserved', () => {
    const { writes } = compile({
      hugepageLimits: [
        { pageSize: '2MB', limit: 4194304 },
        { pageSize: '1024MB', limit: 0 },
      ],
    });
    expect(writes).toEqual([
      { file: 'hugetlb.2MB.max', value: '4194304', pointer: '/hugepageLimits/0/limit' },
      {
        file: 'hugetlb.2MB.rsvd.max',
        value: '4194304',
        pointer: '/hugepageLimits/0/limit',
        mayLack: true,
      },
      { file: 'hugetlb.1GB.max', value: '0', pointer: '/hugepageLimits/1/limit' },
      {
        file: 'hugetlb.1GB.rsvd.max',
        value: '0',
        pointer: '/hugepageLimits/1/limit',
        mayLack: true,
      },
    ]);
    expect(texts({ hugepageLimits: [{ pageSize: '64KB', limit: 1 }] })[0]).toMatch('hugetlb.64KB.');
  });

  it('limits rdma devices', () => {
    expect(
      texts({ rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, rxe3: { hcaObjects: 0 } } }),
    ).toEqual(['rdma.max=mlx5_1 hca_handle=3 hca_object=10000', 'rdma.max=rxe3 hca_object=0']);
  });

  it('writes unified last, a line at a time, and memory.max behind all', () => {
    expect(
      texts({
        unified: {
          'memory.max': '7',
          'io.max': '259:0 rbps=1\n253:0 rbps=2\n',
          'cpuset.cpus': '',
          'future.file': 'x',
        },
        memory: { limit: 5 },
        pids: { limit: 3 },
        blockIO: { throttleReadBpsDevice: [{ major: 259, minor: 0, rate: 9 }] },
      }),
    ).toEqual([
      'pids.max=3',
      'io.max=259:0 rbps=9',
      'io.max=259:0 rbps=1',
      'io.max=253:0 rbps=2',
      'cpuset.cpus=\n',
      'future.file=x',
      'memory.max=5',
      'memory.max=7',
    ]);
    const { writes } = compile({ unified: { 'a/b': '1' } }, { at: '/linux/resources' });
    expect(writes[0]?.pointer).toBe('/linux/resources/unified/a~1b');
  });
});

describe('hasLimits', () => {
  it('is not asked by device rules', () => {
    expect(hasLimits(undefined)).toBe(false);
    expect(hasLimits({ devices: [] })).toBe(false);
    expect(hasLimits({ devices: [], memory: {} })).toBe(true);
  });
});
