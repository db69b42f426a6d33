import { expect, test } from 'vitest';

import { rulesMissed } from '../../../../src/cgroups/devices/missed.js';
import type { DeviceEntry } from '../../../../src/cgroups/devices/rules.js';
import type { LinuxDevice, Spec } from '../../../../src/spec/types.js';

const NOTHING = { allow: false, access: 'rwm' };
const FUSE: LinuxDevice = { path: '/dev/fuse', type: 'c', major: 10, minor: 229 };

function missed(rules: DeviceEntry[], devices: LinuxDevice[] = []): boolean {
  return rulesMissed({
    ociVersion: '1.3.0',
    linux: { devices, resources: { devices: rules } },
  } as Spec);
}

test('what managers write for every container is not missed', () => {
  expect(missed([])).toBe(false);
  expect(missed([NOTHING])).toBe(false);
  expect(missed([{ allow: true, access: 'rwm' }], [FUSE])).toBe(false);
  const standard = { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' };
  expect(missed([NOTHING, standard, { allow: true, type: 'b', access: 'm' }])).toBe(false);
});

test('a device that is given and allowed is not missed', () => {
  expect(
    missed([NOTHING, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }], [FUSE]),
  ).toBe(false);
  expect(missed([NOTHING, { allow: true, type: 'c', major: 10, access: 'rwm' }], [FUSE])).toBe(
    false,
  );
  expect(missed([NOTHING], [{ path: '/dev/null', type: 'c', major: 1, minor: 3 }])).toBe(false);
  expect(missed([NOTHING], [{ path: '/dev/fifo', type: 'p' }])).toBe(false);
});

test.each([
  ['a device denied', [{ allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' }]],
  [
    'a kind denied',
    [
      { allow: true, access: 'rwm' },
      { allow: false, type: 'b', access: 'w' },
    ],
  ],
  [
    'a device for reading',
    [NOTHING, { allow: true, type: 'c', major: 10, minor: 229, access: 'r' }],
  ],
  ['a device for writing', [NOTHING, { allow: true, type: 'c', major: 10, access: 'wm' }]],
])('%s is', (_, rules) => {
  expect(missed(rules)).toBe(true);
});

test('a device that is given and denied is', () => {
  expect(missed([NOTHING], [FUSE])).toBe(true);
  expect(missed([], [{ ...FUSE, type: 'b' }])).toBe(true);
  // The last rule counts, and of rules about parts of the access all.
  const allowed = { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' };
  expect(missed([allowed, NOTHING], [FUSE])).toBe(true);
  expect(missed([NOTHING, { ...allowed, minor: 228 }], [FUSE])).toBe(true);
});
