import { expect, test } from 'vitest';

import { Orphans } from '../../../src/cli/foreground/orphans.js';
import type { Native } from '../../../src/native/types.js';

/** A program whose child 7 is the container, with this many ended orphans, 1000 of which go at a time. */
function withOrphans(count: number): { native: Native; left: () => number; turn: () => void } {
  let left = count;
  const turns: (() => void)[] = [];
  const native = {
    reapOthers: (except: number) => {
      expect(except).toBe(7);
      const reaped = Math.min(left, 1000);
      left -= reaped;
      return reaped;
    },
    wait: (...args: Parameters<Native['wait']>) => {
      turns.push(() => args[4](0));
      return 1;
    },
  } as Partial<Native> as Native;
  return { native, left: () => left, turn: () => turns.shift()?.() };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('all of them are reaped, however many one signal stands for', async () => {
  const { native, left, turn } = withOrphans(2500);
  const orphans = new Orphans(native, 7);
  for (const expected of [1500, 500, 0, 0]) {
    orphans.reap();
    expect(left()).toBe(expected);
    turn();
    await settled();
  }
});

test('none is when it has been stopped: the next child is a hook', async () => {
  const { native, left, turn } = withOrphans(2500);
  const orphans = new Orphans(native, 7);
  orphans.reap();
  orphans.stop();
  turn();
  await settled();
  orphans.reap();
  expect(left()).toBe(1500);
});
