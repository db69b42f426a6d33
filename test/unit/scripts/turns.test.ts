/** What ./scripts/test runs by turns: over the days, all of it. */

import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';

import {
  MANAGER_PARTS,
  NODE_ALONE,
  otherManagers,
  otherNative,
  turnOf,
} from '../../../scripts/lib/turns.mjs';

/** Names of test files, without their ending. */
const testsIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => name.replace('.test.ts', ''));

test('every manager test has one turn', () => {
  expect(MANAGER_PARTS.flat().sort()).toEqual(testsIn('test/vm/managers').sort());
  const all = MANAGER_PARTS.flat().map((name) => `test/vm/managers/${name}.test.ts`);
  const run = MANAGER_PARTS.flatMap((_, part) => {
    const others = otherManagers(part);
    return all.filter((file) => !others.includes(file));
  });
  expect(run.sort()).toEqual(all.sort());
});

test('every native test has one turn on Node, or runs there each day', () => {
  const files = testsIn('test/native');
  expect(files).toEqual(expect.arrayContaining([...NODE_ALONE]));
  const turns = [0, 1, 2].map((part) => otherNative(part));
  for (const name of files) {
    const left = turns.filter((others) => others.includes(`test/native/${name}.test.ts`)).length;
    expect([name, left]).toEqual([name, NODE_ALONE.includes(name) ? 0 : 2]);
  }
});

test('the run on the executable leaves out what is for Node alone, and no more', () => {
  const script = readFileSync('scripts/test-executable.sh', 'utf8');
  expect(script).toContain(`--exclude "test/native/{${NODE_ALONE.join(',')}}.test.ts"`);
});

test('the turn is that of the day', () => {
  const day = 24 * 60 * 60 * 1000;
  expect([0, day - 1, day, 4 * day].map((now) => turnOf(4, now))).toEqual([0, 0, 1, 0]);
});
