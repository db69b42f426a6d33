import { describe, expect, it } from 'vitest';

import {
  ACCESS_ALL,
  ANY,
  DEVICE_CHAR,
  deviceRules,
  deviceRuleWarnings,
} from '../../../../src/cgroups/devices/rules.js';
import type { DeviceEntry } from '../../../../src/cgroups/devices/rules.js';
import { TsrunError } from '../../../../src/errors.js';

function refusal(entry: DeviceEntry): TsrunError {
  try {
    deviceRules([{ allow: false, access: 'rwm' }, entry]);
  } catch (error) {
    if (error instanceof TsrunError) return error;
  }
  throw new Error('not refused');
}

describe('linux.resources.devices', () => {
  it('keeps the order and puts the default rules last', () => {
    const rules = deviceRules([
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'mrw' },
    ]);
    expect(rules[0]).toMatchObject({ allow: false, type: 'all', major: ANY, minor: ANY });
    expect(rules[1]).toEqual({
      allow: true,
      type: DEVICE_CHAR,
      major: 10,
      minor: 229,
      access: ACCESS_ALL,
    });
    expect(rules.slice(2)).toEqual(deviceRules([]));
  });

  it('reads absent, empty and "a" as all types, and absent and -1 as all numbers', () => {
    for (const type of [undefined, '', 'a']) {
      const entry: DeviceEntry = { allow: true, access: 'rwm' };
      if (type !== undefined) entry.type = type;
      expect(deviceRules([entry])[0]).toMatchObject({ type: 'all' });
    }
    expect(deviceRules([{ allow: true, type: 'c', major: -1, access: 'r' }])[0]).toMatchObject({
      major: ANY,
      minor: ANY,
    });
  });

  it.each([
    [
      { allow: true, access: '' },
      'access',
      'device access "" is not made of the letters r, w and m',
    ],
    [{ allow: true }, 'access', 'device access ""'],
    [{ allow: true, type: 'c', access: 'rx' }, 'access', 'device access "rx"'],
    [{ allow: true, type: 'p', access: 'r' }, 'type', 'unknown device type "p", want a, b or c'],
    [{ allow: true, type: 'c', major: 4096, access: 'r' }, 'major', 'device number 4096'],
    [{ allow: true, type: 'c', major: -2, access: 'r' }, 'major', 'device number -2'],
    [{ allow: true, type: 'c', major: 1.5, access: 'r' }, 'major', 'device number 1.5'],
    [{ allow: true, type: 'b', minor: 1048576, access: 'r' }, 'minor', 'device number 1048576'],
  ])('refuses %j', (entry, field, message) => {
    const error = refusal(entry);
    expect(error.code).toBe('ERR_CONFIG_INVALID');
    expect(error.pointer).toBe(`/linux/resources/devices/1/${field}`);
    expect(error.message).toContain(`/linux/resources/devices/1/${field}: ${message}`);
  });

  it('warns of a rule for all types that looks like one for a single device', () => {
    expect(
      deviceRuleWarnings([
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 1, minor: 3, access: 'r' },
        { allow: true, major: 10, minor: 229, access: 'rw' },
        { allow: false, type: 'a', major: -1, access: 'w' },
      ]),
    ).toEqual([
      '/linux/resources/devices/2: a rule of type "a" allows every device and access; its major, minor, access are ignored',
      '/linux/resources/devices/3: a rule of type "a" denies every device and access; its access is ignored',
    ]);
  });
});
