/** Work spread over turns of an event loop, here one in memory. */

import { beforeEach, expect, test } from 'vitest';

import { spreadWaits } from '../../../src/native/spread-waits.js';
import { Turns } from '../../../src/native/turns.js';
import type { Native } from '../../../src/native/types.js';

let clock: number;
let planned: (() => void)[];
let done: string[];
let turns: Turns;

beforeEach(() => {
  clock = 0;
  planned = [];
  done = [];
  turns = new Turns({ now: () => clock, later: (callback) => planned.push(callback) });
});

/** One turn: what had been asked for when it began, and the promises after each. */
async function turn(): Promise<void> {
  for (const callback of planned.splice(0)) {
    callback();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A piece of work that takes so many milliseconds. */
const piece =
  (name: string, ms = 0) =>
  (): void => {
    done.push(name);
    clock += ms;
  };

test('a turn that has had nothing has time at once', () => {
  turns.run(piece('a'));
  expect(done).toEqual(['a']);
});

test('what takes long has a turn of its own, in order', async () => {
  for (const name of ['a', 'b', 'c', 'd']) turns.run(piece(name, 10));
  expect(done).toEqual(['a']);
  for (const upTo of ['ab', 'abc', 'abcd']) {
    await turn();
    expect(done.join('')).toBe(upTo);
  }
  await turn();
  expect(planned).toEqual([]);
});

test('what is short shares one', async () => {
  for (let i = 0; i < 9; i++) turns.run(piece('x', 1));
  expect(done).toHaveLength(1);
  await turn();
  expect(done).toHaveLength(4);
  await turn();
  await turn();
  expect(done).toHaveLength(9);
});

test('no turn has more than a few, however short they are, and the list of callbacks stays short', async () => {
  for (let i = 0; i < 1000; i++) turns.run(piece('x'));
  expect(planned.length).toBeLessThan(20);
  let most = 0;
  for (let before = done.length; before < 1000; before = done.length) {
    await turn();
    most = Math.max(most, done.length - before);
  }
  expect(most).toBeLessThan(20);
  await turn();
  expect(planned).toEqual([]);
});

test('what a piece goes on with counts: a new one does not begin in the same turn', async () => {
  const work = async (name: string): Promise<void> => {
    await turns.next();
    await Promise.resolve();
    piece(name, 10)();
  };
  const all = Promise.all(['a', 'b', 'c'].map(work));
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  expect(done).toEqual(['a']);
  await turn();
  expect(done).toEqual(['a', 'b']);
  await turn();
  await all;
});

test('one that is taken back is not called', async () => {
  turns.run(piece('a', 10));
  const takeBack = turns.run(piece('b'));
  turns.run(piece('c'));
  takeBack?.();
  await turn();
  await turn();
  expect(done).toEqual(['a', 'c']);
});

test('waits that end together call back one after another, and not when they are cancelled', async () => {
  const ends: (() => void)[] = [];
  const cancelled: number[] = [];
  const native = {
    wait: (fd, _events, _timeout, _keepAlive, callback) => ends.push(() => callback(fd)),
    cancelWait: (handle) => cancelled.push(handle),
  } as Pick<Native, 'wait' | 'cancelWait'>;
  const spread = spreadWaits(native as Native, turns);
  const handles = [5, 6, 7].map((fd) =>
    spread.wait(fd, 1, -1, true, (came) => piece(`${came}`, 10)()),
  );
  for (const end of ends) end();
  expect(done).toEqual(['5']);
  spread.cancelWait(handles[1]!);
  await turn();
  await turn();
  expect(done).toEqual(['5', '7']);
  expect(cancelled).toEqual([handles[1]]);
});
