import { describe, expect, it } from 'vitest';
import { TsrunError } from '../../../src/errors.js';
import { createProblems, requireCreatable } from '../../../src/spec/create-demands.js';
import type { Spec } from '../../../src/spec/types.js';
import { validateSpec } from '../../../src/spec/validate.js';
import type { Change } from './specs.js';
import { changedSpec, validSpec } from './specs.js';

const problemsWith = (...changes: Change[]) => {
  const spec = changedSpec(...changes);
  expect(validateSpec(spec)).toEqual([]);
  return createProblems(spec as Spec);
};

describe('createProblems', () => {
  it('has nothing against what `runc spec` writes', () => {
    expect(createProblems(validSpec())).toEqual([]);
  });

  it('names what is missing', () => {
    expect(createProblems({ ociVersion: '1.3.0' })).toEqual([
      { pointer: '/process', message: 'create needs a process', code: 'ERR_CONFIG_INVALID' },
      { pointer: '/root', message: 'create needs a root file system', code: 'ERR_CONFIG_INVALID' },
      { pointer: '/linux', message: 'create needs a linux section', code: 'ERR_CONFIG_INVALID' },
    ]);
    expect(problemsWith(['/process/args', undefined])).toEqual([
      { pointer: '/process/args', message: 'create needs a program', code: 'ERR_CONFIG_INVALID' },
    ]);
  });

  it.each<[string, unknown, string?]>([
    ['/linux/netDevices', { eth0: {} }],
    ['/linux/memoryPolicy', { mode: 'MPOL_DEFAULT' }],
    ['/linux/intelRdt', {}],
  ])('refuses %s %o', (pointer, value) => {
    expect(problemsWith([pointer, value])).toEqual([
      { pointer, message: 'is not supported yet', code: 'ERR_UNSUPPORTED' },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['/linux/resources/cpu', { realtimeRuntime: 1 }, '/realtimeRuntime'],
    ['/linux/resources/cpu', { realtimePeriod: 1 }, '/realtimePeriod'],
    ['/linux/resources/network', { classID: 1 }, '/classID'],
    ['/linux/resources/unified', { 'cgroup.procs': '0' }, '/cgroup.procs'],
    ['/linux/resources/unified', { 'cgroup.freeze': '1' }, '/cgroup.freeze'],
  ])('refuses in %s %o what v2 has not', (pointer, value, member) => {
    expect(problemsWith([pointer, value])).toMatchObject([
      { pointer: pointer + member, code: 'ERR_UNSUPPORTED' },
    ]);
  });

  it.each<[string, unknown]>([
    ['/process/apparmorProfile', ''],
    ['/process/selinuxLabel', ''],
    ['/linux/mountLabel', ''],
    ['/linux/netDevices', {}],
    ['/linux/resources', {}],
    ['/linux/resources', undefined],
    ['/linux/resources/memory', {}],
    ['/linux/resources/memory', { limit: 1, kernel: 1, swappiness: 0, disableOOMKiller: true }],
    ['/linux/resources/cpu', { realtimeRuntime: 0, realtimePeriod: 0 }],
    ['/linux/resources/network', { classID: 0, priorities: [{ name: 'eth0', priority: 1 }] }],
    ['/linux/resources/memory', { limit: -1, disableOOMKiller: false }],
    ['/linux/resources/cpu', { cpus: '' }],
    ['/linux/resources/pids', { limit: 0 }],
    ['/linux/resources/pids', { limit: -1 }],
    ['/linux/resources/blockIO', { weightDevice: [] }],
    ['/linux/resources/hugepageLimits', []],
    ['/linux/resources/unified', {}],
  ])('lets %s %o pass', (pointer, value) => {
    expect(problemsWith([pointer, value])).toEqual([]);
  });
});

describe('requireCreatable', () => {
  it('lets a spec through', () => {
    const spec = validSpec();
    expect(requireCreatable(spec)).toBe(spec);
  });

  it('throws one error for all', () => {
    const spec = changedSpec(
      ['/root', undefined],
      ['/linux/memoryPolicy', { mode: 'MPOL_DEFAULT' }],
    );
    let error;
    try {
      requireCreatable(spec as Spec);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TsrunError);
    expect(error).toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      pointer: '/root',
      message:
        'cannot create the container: /root: create needs a root file system; ' +
        '/linux/memoryPolicy: is not supported yet',
    });
  });
});
