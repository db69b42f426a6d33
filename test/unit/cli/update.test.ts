import { describe, expect, it } from 'vitest';

import { milliseconds } from '../../../src/cli/commands/events.js';
import type { Context } from '../../../src/cli/context.js';
import { bytes, requestedResources } from '../../../src/cli/update-options.js';
import type { Options } from '../../../src/cli/table.js';
import { S_IFREG } from '../../../src/native/constants.js';
import type { Stat } from '../../../src/native/types.js';
import { fakeSystem } from './fake.js';

const warnings: string[] = [];

function requested(options: Options<'update'>, file?: string) {
  const { native } = fakeSystem({
    open: () => (file === undefined ? -2 : 3),
    fstat: () => ({ mode: S_IFREG }) as Stat,
    readText: () => file ?? -2,
  });
  const log = { warn: (message: string) => warnings.push(message) };
  return requestedResources({ native, log } as unknown as Context, options);
}

describe('update', () => {
  it('makes resources of options', async () => {
    expect(
      await requested({
        'cpu-period': '100000',
        'cpu-quota': '-1',
        'cpu-share': '18446744073709551615',
        'cpu-idle': '0',
        'cpuset-cpus': '0-1',
        memory: '512m',
        'memory-swap': '-1',
        'pids-limit': 0,
        'blkio-weight': 10,
      }),
    ).toEqual({
      cpu: { period: 100000, quota: -1, shares: 18446744073709551615n, idle: 0, cpus: '0-1' },
      memory: { limit: 536870912, swap: -1 },
      pids: { limit: 0 },
      blockIO: { weight: 10 },
    });
    expect(await requested({})).toEqual({});
  });

  it('reads them from a file, and from nothing else then', async () => {
    expect(await requested({ resources: '/r' }, '{"pids":{"limit":9223372036854775807}}')).toEqual({
      pids: { limit: 9223372036854775807n },
    });
    await expect(requested({ resources: '/r', memory: '1' }, '{}')).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: 'cannot use --memory together with --resources',
    });
    await expect(requested({ resources: '/r' })).rejects.toMatchObject({ code: 'ERR_USAGE' });
    await expect(requested({ resources: '/r' }, '{"pids":{}}')).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      pointer: '/pids/limit',
    });
    await expect(
      requested({ resources: '/r' }, '{"cpu":{"quota":1,"burst":2}}'),
    ).rejects.toMatchObject({ pointer: '/cpu/burst' });
    await expect(requested({ resources: '/r' }, '{"unified":{"a/b":""}}')).rejects.toMatchObject({
      pointer: '/unified/a~1b',
    });
  });

  it('ignores what is only kernel memory, and says so', async () => {
    warnings.length = 0;
    expect(await requested({ 'kernel-memory': '1' })).toEqual({});
    expect(warnings).toEqual([expect.stringContaining('--kernel-memory is ignored')]);
  });

  it.each<[Options<'update'>]>([
    [{ 'cpu-quota': '1.5' }],
    [{ 'cpu-idle': '2' }],
    [{ 'cpu-period': '-1' }],
    [{ memory: 'lots' }],
    [{ memory: '-2' }],
    [{ memory: '256' }],
    [{ 'blkio-weight': 70000 }],
  ])('refuses %o', async (options) => {
    await expect(requested(options)).rejects.toHaveProperty('code');
  });

  it.each<[string, number | bigint]>([
    ['0', 0],
    ['1000', 1000],
    ['9223372036854775807', 9223372036854775807n],
    ['1k', 1024],
    ['1.5 GiB', 1610612736],
    ['2MB', 2097152],
    ['3b', 3],
    ['-1', -1],
  ])('a size of %s is %s bytes', (text, value) => {
    expect(bytes('memory', text)).toBe(value);
  });
});

describe('events', () => {
  it.each([
    ['5s', 5000],
    ['1m30s', 90000],
    ['0.5h', 1800000],
    ['100ms', 100],
    ['1us', 1],
  ])('an interval of %s', (text, value) => {
    expect(milliseconds(text)).toBe(value);
  });

  it.each(['', '0', '0s', '5', '-5s', '5s!', 's'])('no interval of "%s"', (text) => {
    expect(() => milliseconds(text)).toThrow('--interval');
  });
});
