import { expect, test } from 'vitest';
import { Log } from '../../../src/cli/log.js';
import type { Context } from '../../../src/cli/context.js';
import { activatedDescriptors, preservedDescriptors } from '../../../src/cli/descriptors.js';
import type { Stat } from '../../../src/native/types.js';
import { fakeSystem } from './fake.js';

function context(
  fds: readonly number[],
  environment: Record<string, string> = {},
  links: Record<string, string> = {},
): Context {
  const { native } = fakeSystem({
    getpid: () => 77,
    // The log file.
    open: () => 9,
    fstat: (fd) => (fds.includes(fd) ? ({ mode: 0o100644 } as Stat) : -9),
    readlink: (path) => links[path] ?? '/a/file',
  });
  const log = new Log(native);
  log.open({ log: '/the/log' });
  return { native, environment, log } as Context;
}

test('those of socket activation come first', () => {
  const given = context([3, 4, 5]);
  expect(preservedDescriptors(given, 1, 2)).toEqual({ preserve: [3, 4, 5], listenFds: 2 });
  expect(preservedDescriptors(given, 0, 0)).toEqual({ preserve: [], listenFds: 0 });
});

test('one that is not open is refused', () => {
  expect(() => preservedDescriptors(context([3]), 2, 0)).toThrow(
    '--preserve-fds: descriptor 4 is not open',
  );
  expect(() => preservedDescriptors(context([]), 0, 1)).toThrow(
    'LISTEN_FDS: descriptor 3 is not open',
  );
});

test.each(['eventpoll', 'eventfd', 'io_uring'])(
  "%s may be the host's own and is refused",
  (kind) => {
    const given = context([3, 4, 5], {}, { '/proc/self/fd/4': `anon_inode:[${kind}]` });
    expect(() => preservedDescriptors(given, 3, 0)).toThrow(
      `--preserve-fds: descriptor 4 is not the caller's (anon_inode:[${kind}], as the runtime itself has)`,
    );
    expect(preservedDescriptors(given, 1, 0).preserve).toEqual([3]);
  },
);

test('the log file is ours', () => {
  const given = context([3, 4, 5, 6, 7, 8, 9]);
  expect(() => preservedDescriptors(given, 7, 0)).toThrow(
    "--preserve-fds: descriptor 9 is not the caller's (the log file)",
  );
  expect(preservedDescriptors(given, 6, 0).preserve).toHaveLength(6);
});

test('LISTEN_FDS counts only for the process that LISTEN_PID names', () => {
  expect(activatedDescriptors(context([], { LISTEN_FDS: '2', LISTEN_PID: '77' }))).toBe(2);
  expect(activatedDescriptors(context([], { LISTEN_FDS: '2', LISTEN_PID: '78' }))).toBe(0);
  expect(activatedDescriptors(context([], { LISTEN_FDS: '2' }))).toBe(0);
  expect(activatedDescriptors(context([], { LISTEN_FDS: 'x', LISTEN_PID: '77' }))).toBe(0);
  expect(activatedDescriptors(context([]))).toBe(0);
});
