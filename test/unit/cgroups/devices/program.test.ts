import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { deviceProgram, replacementProgram } from '../../../../src/cgroups/devices/program.js';
import {
  ACCESS_ALL,
  ACCESS_MKNOD,
  ACCESS_READ,
  ACCESS_WRITE,
  ANY,
  DEVICE_BLOCK,
  DEVICE_CHAR,
  deviceRules,
} from '../../../../src/cgroups/devices/rules.js';
import type { DeviceEntry, DeviceRule } from '../../../../src/cgroups/devices/rules.js';
import { instructionCount, interpret, verify } from './interpret.js';
import type { DeviceRequest } from './interpret.js';

/** What the rules mean: apply one after another to what the device may be used for. */
function expected(rules: readonly DeviceRule[], request: DeviceRequest): boolean {
  let allowed = 0;
  for (const rule of rules) {
    if (rule.type === 'all') {
      allowed = rule.allow ? ACCESS_ALL : 0;
    } else if (
      rule.type === request.type &&
      (rule.major === ANY || rule.major === request.major) &&
      (rule.minor === ANY || rule.minor === request.minor)
    ) {
      allowed = rule.allow ? allowed | rule.access : allowed & ~rule.access;
    }
  }
  return (request.access & ~allowed) === 0;
}

/** Few numbers, so that rules meet each other and the requests. */
const number = fc.oneof(fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1, 0xfff));
const rule: fc.Arbitrary<DeviceRule> = fc.record({
  allow: fc.boolean(),
  type: fc.oneof(
    { weight: 1, arbitrary: fc.constant('all' as const) },
    { weight: 8, arbitrary: fc.constantFrom(DEVICE_BLOCK, DEVICE_CHAR) },
  ),
  major: fc.oneof(number, fc.constant(ANY)),
  minor: fc.oneof(number, fc.constant(ANY)),
  access: fc.integer({ min: 1, max: ACCESS_ALL }),
});

/** Every kind, number and access that can make a difference to rules of `number`. */
const REQUESTS: DeviceRequest[] = [];
for (const type of [DEVICE_BLOCK, DEVICE_CHAR]) {
  for (const major of [0, 1, 2, 3, 0xfff]) {
    for (const minor of [0, 1, 2, 3, 0xfff]) {
      for (let access = 1; access <= ACCESS_ALL; access++) {
        REQUESTS.push({ type, major, minor, access });
      }
    }
  }
}

function check(rules: readonly DeviceRule[]): void {
  const program = replacementProgram(rules);
  verify(program);
  for (const request of REQUESTS) {
    const verdict = interpret(program, request);
    if (verdict !== expected(rules, request)) {
      throw new Error(`${JSON.stringify(request)}: ${verdict ? 'allowed' : 'denied'}`);
    }
  }
}

describe('the device program', () => {
  it('decides as the rules in order do', () => {
    fc.assert(fc.property(fc.array(rule, { maxLength: 12 }), check), { numRuns: 3000 });
  });

  it('decides as the rules do when they start from allowing everything', () => {
    const start: DeviceRule = {
      allow: true,
      type: 'all',
      major: ANY,
      minor: ANY,
      access: ACCESS_ALL,
    };
    const rules = fc.array(rule, { maxLength: 12 });
    fc.assert(
      fc.property(rules, (more) => check([start, ...more])),
      { numRuns: 2000 },
    );
  });

  it('decides as the rules do with the default ones behind them', () => {
    const defaults = deviceRules([]);
    const rules = fc.array(rule, { maxLength: 12 });
    fc.assert(
      fc.property(rules, (own) => check([...own, ...defaults])),
      { numRuns: 1000 },
    );
  });

  it('is missing only where nothing is denied', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), (rules) => {
        if (deviceProgram(rules) !== undefined) return;
        expect(REQUESTS.every((request) => expected(rules, request))).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(deviceProgram(deviceRules([{ allow: true, access: 'rwm' }]))).toBeUndefined();
    expect(
      instructionCount(replacementProgram(deviceRules([{ allow: true, access: 'rwm' }]))),
    ).toBe(2);
  });

  const allowed = (entries: DeviceEntry[], request: DeviceRequest): boolean => {
    const program = replacementProgram(deviceRules(entries));
    verify(program);
    return interpret(program, request);
  };
  const nothing: DeviceEntry = { allow: false, access: 'rwm' };
  const char = (major: number, minor: number, access: number): DeviceRequest => ({
    type: DEVICE_CHAR,
    major,
    minor,
    access,
  });
  const block = (major: number, minor: number, access: number): DeviceRequest => ({
    type: DEVICE_BLOCK,
    major,
    minor,
    access,
  });

  it('leaves a container its default devices after denying everything', () => {
    for (const entries of [[], [nothing]]) {
      for (const [major, minor] of [
        [1, 3],
        [1, 5],
        [1, 7],
        [1, 8],
        [1, 9],
        [5, 0],
        [5, 2],
        [136, 0],
        [136, 12345],
      ] as const) {
        expect(allowed(entries, char(major, minor, ACCESS_READ | ACCESS_WRITE))).toBe(true);
      }
      expect(allowed(entries, char(10, 229, ACCESS_READ))).toBe(false);
      expect(allowed(entries, char(1, 1, ACCESS_READ))).toBe(false);
      expect(allowed(entries, char(5, 1, ACCESS_WRITE))).toBe(false);
      expect(allowed(entries, block(1, 3, ACCESS_READ))).toBe(false);
      expect(allowed(entries, block(8, 0, ACCESS_MKNOD))).toBe(true);
      expect(allowed(entries, char(10, 229, ACCESS_MKNOD))).toBe(true);
      expect(allowed(entries, char(10, 229, ACCESS_MKNOD | ACCESS_READ))).toBe(false);
    }
  });

  it('takes one access out of a wildcard', () => {
    const entries: DeviceEntry[] = [
      nothing,
      { allow: true, type: 'b', major: 8, access: 'rw' },
      { allow: false, type: 'b', major: 8, minor: 16, access: 'w' },
    ];
    expect(allowed(entries, block(8, 0, ACCESS_READ | ACCESS_WRITE))).toBe(true);
    expect(allowed(entries, block(8, 16, ACCESS_READ))).toBe(true);
    expect(allowed(entries, block(8, 16, ACCESS_WRITE))).toBe(false);
    expect(allowed(entries, block(8, 16, ACCESS_READ | ACCESS_WRITE))).toBe(false);
  });

  it('puts the accesses of several rules together', () => {
    const entries: DeviceEntry[] = [
      nothing,
      { allow: true, type: 'c', major: 10, minor: 200, access: 'r' },
      { allow: true, type: 'c', major: -1, minor: 200, access: 'w' },
    ];
    expect(allowed(entries, char(10, 200, ACCESS_READ | ACCESS_WRITE))).toBe(true);
    expect(allowed(entries, char(11, 200, ACCESS_READ | ACCESS_WRITE))).toBe(false);
  });

  it('forgets what came before a rule for all types', () => {
    const fuse: DeviceEntry = { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' };
    expect(allowed([fuse, nothing], char(10, 229, ACCESS_READ))).toBe(false);
    expect(allowed([nothing, fuse], char(10, 229, ACCESS_READ))).toBe(true);
    expect(allowed([{ allow: true, type: 'a', access: 'rwm' }], char(10, 229, 7))).toBe(true);
  });

  it('matches the ends of the ranges of device numbers', () => {
    const entries: DeviceEntry[] = [
      nothing,
      { allow: true, type: 'c', major: 4095, minor: 1048575, access: 'rw' },
      { allow: true, type: 'b', major: 0, minor: 0, access: 'rw' },
    ];
    expect(allowed(entries, char(4095, 1048575, ACCESS_READ))).toBe(true);
    expect(allowed(entries, char(4095, 1048574, ACCESS_READ))).toBe(false);
    expect(allowed(entries, block(0, 0, ACCESS_READ))).toBe(true);
    expect(allowed(entries, block(0, 1, ACCESS_READ))).toBe(false);
  });

  it('is short for the usual configuration', () => {
    expect(instructionCount(replacementProgram(deviceRules([nothing])))).toBeLessThanOrEqual(28);
  });

  it('does not grow with repeated rules', () => {
    const entries: DeviceEntry[] = [nothing];
    for (let i = 0; i < 1000; i++) {
      entries.push({ allow: i % 2 === 0, type: 'c', major: 10, minor: 1, access: 'rw' });
    }
    expect(instructionCount(replacementProgram(deviceRules(entries)))).toBeLessThan(40);
  });

  it('refuses more rules than jumps can span', () => {
    const entries: DeviceEntry[] = [];
    for (let i = 0; i < 40_000; i++) {
      entries.push({ allow: true, type: 'c', major: i % 4096, minor: i, access: 'rw' });
    }
    expect(() => replacementProgram(deviceRules(entries))).toThrow(
      '/linux/resources/devices: too many rules for one device program',
    );
  });
});
