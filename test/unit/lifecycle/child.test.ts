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
  let now = 0;
  const native: Pick<Native, 'reap' | 'wait' | 'pidfdKill' | 'monotonicNs'> = {
    monotonicNs: () => now,
    reap: () => (looks-- > 0 ? -EAGAIN : end),
    wait: (fd, _events, timeoutMs, keepAlive, callback) => {
      if (fd >= 0) return -EMFILE;
      asked.push([timeoutMs > 0, keepAlive]);
      now += timeoutMs * 1e6;
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

test('want of a descriptor to wait with is no reason to wait beyond the deadline', async () => {
  const { native, asked } = without(100);
  expect(await waitForExit(native, PIDFD, true, 50e6)).toBe(undefined);
  expect(asked).toHaveLength(3);
  expect(await waitForExit(without(1).native, PIDFD, true, 50e6)).toEqual(END);
});
