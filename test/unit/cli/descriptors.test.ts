import { expect, test } from 'vitest';
import type { Context } from '../../../src/cli/context.js';
import { activatedDescriptors, preservedDescriptors } from '../../../src/cli/descriptors.js';
import { fakeSystem } from './fake.js';

function context(fds: Record<number, string>, environment: Record<string, string> = {}): Context {
  const { native } = fakeSystem({
    getpid: () => 77,
    readText: (path) => {
      const flags = fds[Number(path.replace('/proc/self/fdinfo/', ''))];
      return flags === undefined ? -2 : `pos:\t0\nflags:\t${flags}\nmnt_id:\t15\n`;
    },
  });
  return { native, environment } as Context;
}

test('those of socket activation come first', () => {
  const given = context({ 3: '02', 4: '0100002', 5: '00' });
  expect(preservedDescriptors(given, 1, 2)).toEqual({ preserve: [3, 4, 5], listenFds: 2 });
  expect(preservedDescriptors(given, 0, 0)).toEqual({ preserve: [], listenFds: 0 });
});

test('one that is not there is refused, and one that the caller did not leave', () => {
  expect(() => preservedDescriptors(context({ 3: '02' }), 2, 0)).toThrow(
    '--preserve-fds: descriptor 4 was not given',
  );
  expect(() => preservedDescriptors(context({ 3: '02000002' }), 1, 0)).toThrow(
    '--preserve-fds: descriptor 3 was not given',
  );
  expect(() => preservedDescriptors(context({}), 0, 1)).toThrow(
    'LISTEN_FDS: descriptor 3 was not given',
  );
});

test('LISTEN_FDS counts only for the process that LISTEN_PID names', () => {
  expect(activatedDescriptors(context({}, { LISTEN_FDS: '2', LISTEN_PID: '77' }))).toBe(2);
  expect(activatedDescriptors(context({}, { LISTEN_FDS: '2', LISTEN_PID: '78' }))).toBe(0);
  expect(activatedDescriptors(context({}, { LISTEN_FDS: '2' }))).toBe(0);
  expect(activatedDescriptors(context({}, { LISTEN_FDS: 'x', LISTEN_PID: '77' }))).toBe(0);
  expect(activatedDescriptors(context({}))).toBe(0);
});
