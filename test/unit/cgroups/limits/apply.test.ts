import { beforeEach, describe, expect, it } from 'vitest';

import { applyLimits, applyToBoth } from '../../../../src/cgroups/limits/apply.js';
import { compileLimits } from '../../../../src/cgroups/limits/compile.js';
import { earlierValue } from '../../../../src/cgroups/limits/restore.js';
import { TsrunError } from '../../../../src/errors.js';
import { EACCES, EBUSY, EINVAL, EOPNOTSUPP } from '../../../../src/native/constants.js';
import type { LinuxResources } from '../../../../src/spec/types.js';
import { FakeCgroupfs } from '../fake-cgroupfs.js';

const ROOT = '/sys/fs/cgroup';
const C = `${ROOT}/a/c`;
let fs: FakeCgroupfs;

beforeEach(() => {
  fs = new FakeCgroupfs(ROOT);
  fs.controllers = ['cpu', 'cpuset', 'io', 'memory', 'hugetlb', 'pids'];
  fs.add(`${ROOT}/a`);
  fs.add(C);
});

/** Everything is switched on already. */
function enabled(): void {
  for (const path of [ROOT, `${ROOT}/a`]) {
    for (const name of fs.controllers) fs.groups.get(path)?.subtree.add(name);
  }
}

function apply(resources: LinuxResources, fresh = true): void {
  const { writes } = compileLimits(resources, { at: '', ociVersion: '1.3.0' });
  applyLimits(fs.native, { root: ROOT, directory: C, fresh }, writes);
}

function refusal(resources: LinuxResources, fresh = true): TsrunError {
  try {
    apply(resources, fresh);
  } catch (error) {
    if (error instanceof TsrunError) return error;
    throw error;
  }
  throw new Error('not refused');
}

const FULL: LinuxResources = {
  memory: { limit: 1000, swap: 1500, reservation: 500 },
  cpu: { shares: 512, quota: 5000, period: 10000, burst: 1000, cpus: '0', mems: '0' },
  pids: { limit: 10 },
  blockIO: { weight: 100, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
  hugepageLimits: [{ pageSize: '2MB', limit: 4096 }],
  unified: { 'memory.high': '900' },
};

describe('applyLimits', () => {
  it('writes each limit once and nothing else where the controllers are on', () => {
    enabled();
    apply(FULL);
    expect(fs.written.map((text) => text.slice(C.length + 1))).toEqual([
      'pids.max=10',
      'cpu.weight=59',
      'cpu.max.burst=1000',
      'cpu.max=5000 10000',
      'cpuset.cpus=0',
      'cpuset.mems=0',
      'io.weight=910',
      'io.max=8:0 rbps=1',
      'hugetlb.2MB.max=4096',
      'hugetlb.2MB.rsvd.max=4096',
      'memory.swap.max=500',
      'memory.low=500',
      'memory.high=900',
      'memory.max=1000',
    ]);
    // Besides one try at bfq.
    expect(fs.log.filter((call) => call.startsWith('writeText'))).toHaveLength(15);
    expect(fs.log.filter((call) => call.startsWith('readText'))).toEqual([]);
  });

  it('switches the controllers on when one is missing, from the root down', () => {
    apply({ memory: { limit: 1000 }, pids: { limit: 5 } });
    const all = fs.controllers.map((name) => `+${name}`).join(' ');
    expect(fs.written).toEqual([
      `${ROOT}/cgroup.subtree_control=${all}`,
      `${ROOT}/a/cgroup.subtree_control=${all}`,
      `${C}/pids.max=5`,
      `${C}/memory.max=1000`,
    ]);
  });

  it('does with the controllers that the caller may have', () => {
    // Delegated: what is above is not the caller's, and has been set up for it.
    fs.groups.get(ROOT)?.subtree.add('memory').add('pids');
    fs.failures.set(`writeText ${ROOT}/cgroup.subtree_control`, EACCES);
    apply({ memory: { limit: 1000 } });
    expect(fs.value(`${C}/memory.max`)).toBe('1000');
    expect(refusal({ cpu: { shares: 2 } })).toMatchObject({
      code: 'ERR_CGROUP',
      pointer: '/cpu/shares',
      message:
        `/cpu/shares: cannot write "1" to ${C}/cpu.weight: the controller cpu cannot be enabled ` +
        `in ${ROOT}/cgroup.subtree_control: permission denied`,
    });
  });

  it('says that a parent has processes of its own', () => {
    fs.groups.get(`${ROOT}/a`)?.procs.push(7);
    expect(refusal({ memory: { limit: 1000 } }).message).toContain(
      `the controller memory cannot be enabled in ${ROOT}/a/cgroup.subtree_control: ` +
        'device or resource busy (processes are in that cgroup itself)',
    );
    expect(fs.groups.get(`${ROOT}/a`)?.procs).toEqual([7]);
  });

  it('says of a threaded cgroup that it is one', () => {
    fs.failures.set(`writeText ${ROOT}/a/cgroup.subtree_control`, EOPNOTSUPP);
    const group = fs.groups.get(C);
    if (group !== undefined) group.type = 'domain invalid';
    expect(refusal({ memory: { limit: 1 } }).message).toContain('of type domain invalid');
  });

  it('says which v1 hierarchy has a controller, and how to get v2', () => {
    fs.controllers = ['hugetlb'];
    fs.files.set(
      '/proc/self/mountinfo',
      '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n' +
        '39 31 0:36 / /sys/fs/cgroup/bl\\040k rw - cgroup cgroup rw,blkio\n',
    );
    const { message } = refusal({ memory: { limit: 1 } });
    expect(message).toContain('in the cgroup v1 hierarchy /sys/fs/cgroup/memory');
    expect(message).toContain('cgroup_no_v1=memory');
    expect(
      refusal({ blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] } }).message,
    ).toContain('/sys/fs/cgroup/bl k');
    expect(refusal({ cpu: { shares: 2 } }).message).toContain('has no controller cpu');
    expect(refusal({ unified: { 'strange.file': '1' } }).message).toContain('controller strange');
  });

  it('says that a file is unknown', () => {
    enabled();
    expect(refusal({ unified: { 'memory.magic': '1' } }).message).toContain(
      'the controller memory of this kernel has no file of that name',
    );
    expect(refusal({ hugepageLimits: [{ pageSize: '16MB', limit: 1 }] }).message).toContain(
      'the controller hugetlb of this kernel has no file of that name',
    );
    expect(refusal({ unified: { 'cgroup.magic': '1' } }).message).toContain(
      'this kernel has no such file',
    );
  });

  it('does without no limit, on a host that has none', () => {
    fs.controllers = [];
    apply({
      memory: { limit: -1, swap: -1 },
      pids: { limit: -1 },
      cpu: { quota: -1, period: 100000, idle: 0 },
    });
    apply({ pids: { limit: -1 } }, false);
    expect(fs.written).toEqual([]);
  });

  it('does without swap and reservations of huge pages where the kernel has none', () => {
    enabled();
    fs.missing.add('memory.swap.max').add('hugetlb.2MB.rsvd.max');
    apply({
      memory: { limit: 10, swap: 10 },
      hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
    });
    expect(fs.value(`${C}/memory.max`)).toBe('10');
    expect(refusal({ memory: { limit: 10, swap: 20 } }).pointer).toBe('/memory/swap');
  });

  it('takes a limit back in a cgroup that is not new', () => {
    enabled();
    apply(FULL);
    apply({ pids: { limit: -1 }, memory: { limit: -1 } }, false);
    expect(fs.value(`${C}/pids.max`)).toBe('max');
    expect(fs.value(`${C}/memory.max`)).toBe('max');
    expect(fs.value(`${C}/memory.swap.max`)).toBe('max');
  });

  it.each([
    'pids.max',
    'cpu.weight',
    'cpu.max.burst',
    'cpu.max',
    'cpuset.cpus',
    'cpuset.mems',
    'io.weight',
    'io.max',
    'hugetlb.2MB.max',
    'hugetlb.2MB.rsvd.max',
    'memory.swap.max',
    'memory.low',
    'memory.high',
    'memory.max',
  ])('leaves everything as it was when %s is refused', (file) => {
    enabled();
    const before = contents();
    fs.failures.set(`writeText ${C}/${file}`, EINVAL);
    const error = refusal(FULL, false);
    expect(error).toMatchObject({ code: 'ERR_CGROUP', errno: EINVAL });
    expect(error.message).toMatch(`to ${C}/${file}: invalid argument`);
    expect(error.message).not.toContain('could not be put back');
    fs.failures.clear();
    // The fake keeps lines as they were written, where the kernel has one a device.
    expect(contents()).toEqual({
      ...before,
      'io.max':
        contents()['io.max'] === '\n' ? '\n' : '8:0 rbps=max wbps=max riops=max wiops=max\n',
    });
  });

  it('names what could not be put back', () => {
    enabled();
    let writes = 0;
    const native = fs.native;
    const failing = new Proxy(native, {
      get(target, name: keyof typeof native) {
        if (name !== 'writeText') return target[name];
        return (path: string, data: string) =>
          ++writes > 2 ? -EBUSY : target.writeText(path, data);
      },
    });
    const { writes: list } = compileLimits(
      { pids: { limit: 1 }, cpu: { shares: 2, cpus: '0' } },
      { at: '', ociVersion: '1.3.0' },
    );
    expect(() => applyLimits(failing, { root: ROOT, directory: C, fresh: false }, list)).toThrow(
      /could not be put back: cpu.weight, pids.max$/,
    );
  });
});

describe('applyToBoth', () => {
  const BELOW = `${C}/container`;
  const record = { manager: 'cgroupfs', path: C, inode: '1', subgroup: 'container' } as const;
  const compiled = (unified: Record<string, string>) =>
    compileLimits({ pids: { limit: 5 }, unified }, { at: '', ociVersion: '1.3.0' }).writes;
  const writes = compiled({ 'memory.high': '7' });
  const read = (path: string): unknown => fs.native.readText(path, 99);

  beforeEach(() => {
    enabled();
    fs.add(BELOW);
    for (const name of fs.controllers) fs.groups.get(C)?.subtree.add(name);
  });

  it('writes what controllers limit to the subgroup too', () => {
    const about = compiled({ 'memory.high': '7', 'cgroup.type': 'threaded' });
    applyToBoth(fs.native, { root: ROOT, record, fresh: true }, about);
    for (const path of [C, BELOW]) expect(read(`${path}/pids.max`)).toBe('5\n');
    expect(read(`${BELOW}/memory.high`)).toBe('7\n');
    expect([C, BELOW].map((path) => read(`${path}/cgroup.type`))).toEqual([
      'threaded\n',
      'domain\n',
    ]);
  });

  it('takes all back when the subgroup refuses one', () => {
    const before = [C, BELOW].map((path) => read(`${path}/pids.max`));
    fs.failures.set(`writeText ${BELOW}/memory.high`, EINVAL);
    expect(() => {
      applyToBoth(fs.native, { root: ROOT, record, fresh: false }, writes);
    }).toThrow(`to ${BELOW}/memory.high: invalid argument`);
    expect([C, BELOW].map((path) => read(`${path}/pids.max`))).toEqual(before);
  });

  it('has all of it taken back', () => {
    const before = [C, BELOW].map((path) => read(`${path}/pids.max`));
    const applied = applyToBoth(fs.native, { root: ROOT, record, fresh: false }, writes);
    expect(applied.undo()).toEqual([]);
    expect([C, BELOW].map((path) => read(`${path}/pids.max`))).toEqual(before);
  });
});

function contents(): Record<string, string | number> {
  const files = [
    'pids.max',
    'cpu.weight',
    'cpu.max',
    'cpu.max.burst',
    'cpuset.cpus',
    'cpuset.mems',
  ];
  files.push('io.weight', 'io.max', 'hugetlb.2MB.max', 'memory.low', 'memory.swap.max');
  files.push('memory.high', 'memory.max');
  return Object.fromEntries(files.map((file) => [file, fs.native.readText(`${C}/${file}`, 99)]));
}

describe('earlierValue', () => {
  it.each([
    ['memory.max', '5', 'max\n', 'max'],
    ['cpu.max', '5', '50000 100000\n', '50000 100000'],
    ['cpuset.cpus', '0', '\n', '\n'],
    ['io.max', '8:0 rbps=1', '', '8:0 rbps=max wbps=max riops=max wiops=max'],
    ['io.max', '8:0 rbps=1', '8:16 rbps=2\n8:0 rbps=3 wbps=max\n', '8:0 rbps=3 wbps=max'],
    ['io.weight', '100', 'default 50\n8:0 7\n', 'default 50'],
    ['io.weight', '8:0 9', 'default 50\n8:0 7\n', '8:0 7'],
    ['io.weight', '8:16 9', 'default 50\n8:0 7\n', '8:16 default'],
    [
      'rdma.max',
      'a hca_handle=1',
      'a hca_handle=max hca_object=5\n',
      'a hca_handle=max hca_object=5',
    ],
    ['memory.stat', 'x', 'a 1\nb 2\n', undefined],
  ])('%s after "%s" is %j', (file, value, text, earlier) => {
    expect(earlierValue(file, value, text)).toBe(earlier);
  });
});
