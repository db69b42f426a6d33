/** A child is reaped, whatever the kernel has left to wait with. */

import { expect, test } from 'vitest';

import { killAndReap, waitForExit } from '../../../src/lifecycle/child.js';
import { EAGAIN, ECHILD, EMFILE } from '../../../src/native/constants.js';
import type { ExitInfo, Native } from '../../../src/native/types.js';

const PIDFD = 9;
const END = { status: 3, signal: 0 };

/** A child that ends after it was looked at so many times, in a program without descriptors. */
function without(looks: number, end: ExitInfo | number = END) {
  const asked: unknown[] = [];
  const native: Pick<Native, 'reap' | 'wait' | 'pidfdKill'> = {
    reap: () => (looks-- > 0 ? -EAGAIN : end),
    wait: (fd, _events, timeoutMs, keepAlive, callback) => {
      if (fd >= 0) return -EMFILE;
      asked.push([timeoutMs > 0, keepAlive]);
      queueMicrotask(() => callback(0));
      return 1;
    },
    pidfdKill: () => 0,
  };
  return { native: native as Native, asked };
}

test('where there is no descriptor to wait with the child is looked at until it has ended', async () => {
  const { native, asked } = without(3);
  expect(await waitForExit(native, PIDFD, false)).toEqual(END);
  expect(asked).toEqual(Array.from({ length: 3 }, () => [true, false]));
});

test('one that is killed is not left behind either', async () => {
  const { native, asked } = without(2);
  await killAndReap(native, PIDFD);
  expect(asked).toEqual(Array.from({ length: 2 }, () => [true, true]));
});

test('somebody else has reaped it', async () => {
  expect(await waitForExit(without(1, -ECHILD).native, PIDFD)).toBe(-ECHILD);
});
