import { expect, test } from 'vitest';

import { deviceRules } from '../../../../src/cgroups/devices/rules.js';
import { deviceProperties } from '../../../../src/cgroups/systemd/devices.js';
import { limitProperties } from '../../../../src/cgroups/systemd/limits.js';
import {
  annotationProperties,
  propertyItems,
  scopeProperties,
} from '../../../../src/cgroups/systemd/properties.js';

/** The properties of one write, each as `Name=value value ...`. */
function of(file: string, value: string, fallback?: { file: string; value: string }): string[] {
  const write = { file, value, pointer: '/p', ...(fallback === undefined ? {} : { fallback }) };
  return limitProperties([write]).map(({ name, value: [, ...items], pointer }) => {
    expect(pointer).toBe('/p');
    const texts = items.filter(([code]) => /[stby]/.test(code)).map(([, text]) => text);
    return `${name}=${texts.join(' ')}`;
  });
}

const MAX = '18446744073709551615';

test.each([
  ['memory.max', '1048576\n', ['MemoryMax=1048576']],
  ['memory.max', 'max', [`MemoryMax=${MAX}`]],
  ['memory.swap.max', '0', ['MemorySwapMax=0']],
  ['pids.max', '5', ['TasksMax=5']],
  ['cpu.weight', '100', ['CPUWeight=100']],
  // Or systemd would take it away with the next daemon-reload.
  ['cpu.idle', '1', ['CPUWeight=0']],
  ['cpu.idle', '0', ['CPUWeight=100']],
  ['cpu.max', '50000 100000', ['CPUQuotaPerSecUSec=500000', 'CPUQuotaPeriodUSec=100000']],
  // In whole percents, and never less than what was asked for.
  ['cpu.max', '50001 100000', ['CPUQuotaPerSecUSec=510000', 'CPUQuotaPeriodUSec=100000']],
  ['cpu.max', '2000', ['CPUQuotaPerSecUSec=20000', 'CPUQuotaPeriodUSec=100000']],
  ['cpu.max', 'max 20000', [`CPUQuotaPerSecUSec=${MAX}`, 'CPUQuotaPeriodUSec=20000']],
  ['cpuset.cpus', '0-1,9', ['AllowedCPUs=3 2']],
  ['cpuset.mems', '0', ['AllowedMemoryNodes=1']],
  ['io.weight', 'default 50', ['IOWeight=50']],
  ['io.weight', '8:0 50', ['IODeviceWeight=/dev/block/8:0 50']],
  [
    'io.max',
    '8:16 rbps=1024 wiops=max',
    [`IOReadBandwidthMax=/dev/block/8:16 1024`, `IOWriteIOPSMax=/dev/block/8:16 ${MAX}`],
  ],
  // What systemd has no property for, and what only the kernel can read.
  ['hugetlb.2MB.max', '1', []],
  ['cpu.max.burst', '1', []],
  ['memory.max', '1G', []],
])('%s = %s', (file, value, properties) => {
  expect(of(file, value)).toEqual(properties);
});

test('a weight with two files is one property', () => {
  expect(of('io.bfq.weight', '500', { file: 'io.weight', value: '4950' })).toEqual([
    'IOWeight=4950',
  ]);
});

test('devices: nothing narrower than the rules', () => {
  const texts = (entries: Parameters<typeof deviceRules>[0]): string[] =>
    deviceProperties(deviceRules(entries)).flatMap(({ value: [, ...items] }) =>
      items.filter(([code]) => code === 's').map(([, text]) => text),
    );
  const denied = texts([
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' },
    { allow: true, type: 'b', major: 8, access: 'r' },
    { allow: true, type: 'b', minor: 3, access: 'w' },
  ]);
  expect(denied[0]).toBe('strict');
  expect(denied.join(' ')).toContain('/dev/char/10:200 rw');
  expect(denied.join(' ')).toContain('block-8 r');
  expect(denied.join(' ')).toContain('block-* w');
  expect(denied.join(' ')).toContain('char-136 rwm');
  // Everything is allowed but some: systemd cannot be told, our program knows.
  expect(
    texts([
      { allow: true, access: 'rwm' },
      { allow: false, type: 'c', major: 1, minor: 3, access: 'w' },
    ]),
  ).toEqual(['auto']);
});

test('annotations become properties, seconds become microseconds', () => {
  expect(
    annotationProperties({
      other: 'x',
      'org.systemd.property.TimeoutStopSec': '3',
      'org.systemd.property.KillMode': "'mixed'",
    }),
  ).toEqual([
    {
      name: 'TimeoutStopUSec',
      value: ['t', ['t', '3000000']],
      pointer: '/annotations/org.systemd.property.TimeoutStopSec',
    },
    {
      name: 'KillMode',
      value: ['s', ['s', 'mixed']],
      pointer: '/annotations/org.systemd.property.KillMode',
    },
  ]);
});

test.each([
  ['lower', "'x'", 'is not the name of a property'],
  ['With-Dash', "'x'", 'is not the name of a property'],
  ['', "'x'", 'is not the name of a property'],
  ['Slice', "'x.slice'", "is tsrun's to set"],
  ['PIDs', '[uint32 1]', "is tsrun's to set"],
  ['KillMode', 'mixed', 'cannot read "mixed"'],
  ['TimeoutStopSec', "'3'", 'takes a number of seconds'],
  ['TimeoutStopSec', '-3', 'takes a number of seconds'],
  ['TasksMax', '9'.repeat(101), 'a number is longer than any of its type'],
  ['TasksMax', '9'.repeat(10_000_000), /^.{1,1200}$/],
])('refuses the annotation %s = %s', (name, value, reason) => {
  const key = `org.systemd.property.${name}`;
  expect(() => annotationProperties({ [key]: value })).toThrow(`/annotations/${key}: `);
  expect(() => annotationProperties({ [key]: value })).toThrow(reason);
});

test('a later property takes the place of an earlier one', () => {
  const properties = scopeProperties({
    id: 'a',
    slice: 'system.slice',
    mark: 'file:/x',
    devices: [],
    writes: [
      { file: 'pids.max', value: '5', pointer: '/p' },
      { file: 'io.max', value: '8:0 rbps=1', pointer: '/a' },
      { file: 'io.max', value: '8:1 rbps=2', pointer: '/b' },
    ],
    annotations: { 'org.systemd.property.Description': "'mine'" },
  });
  const values = (name: string): unknown[] =>
    properties.filter((property) => property.name === name).map(({ value }) => value);
  expect(values('TasksMax')).toEqual([['t', ['t', '5']]]);
  expect(values('Description')).toEqual([['s', ['s', 'mine']]]);
  // Lists add up.
  expect(values('IOReadBandwidthMax')).toHaveLength(2);
  expect(propertyItems([{ name: 'N', value: ['b', ['b', '1']], pointer: '' }])).toEqual([
    ['a', '(sv)'],
    ['r', 'sv'],
    ['s', 'N'],
    ['v', 'b'],
    ['b', '1'],
    [')', ''],
    [')', ''],
    [')', ''],
  ]);
});
