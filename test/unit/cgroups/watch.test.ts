import { beforeEach, expect, test } from 'vitest';

import { EIO, ENOENT } from '../../../src/native/constants.js';
import { watchCgroup } from '../../../src/cgroups/watch.js';
import type { Happening } from '../../../src/cgroups/watch.js';
import { FakeCgroupfs } from './fake-cgroupfs.js';

const ROOT = '/sys/fs/cgroup';
const C = `${ROOT}/c`;
let fs: FakeCgroupfs;

beforeEach(() => {
  fs = new FakeCgroupfs(ROOT);
  fs.add(C, 7);
  kills(2);
});

function kills(count: number): void {
  fs.files.set(`${C}/memory.events`, `low 0\noom 9\noom_kill ${count}\n`);
}

/** What the watcher tells while each wait ends with the next of these. */
async function watched(steps: (() => void)[], intervalMs?: number): Promise<Happening[]> {
  let step = 0;
  fs.onWait = () => {
    // Two descriptors are waited for each time.
    if (fs.waits.length % 2 === 1) steps[step++]?.();
  };
  const found: Happening[] = [];
  for await (const happening of watchCgroup(fs.native, { path: C }, intervalMs)) {
    found.push(happening);
  }
  expect(fs.openFiles.size).toBe(0);
  return found;
}

const end = (): void => {
  fs.groups.get(C)?.procs.splice(0);
};

test('kills that were before are nobody’s news, later ones are', async () => {
  const found = await watched([() => kills(3), () => kills(5), end]);
  expect(found).toEqual(['oom', 'oom', 'empty']);
});

test('the kill that was the end comes before the end', async () => {
  const both = (): void => {
    kills(3);
    end();
  };
  expect(await watched([both])).toEqual(['oom', 'empty']);
});

test('time passes in intervals', async () => {
  const nothing = (): void => undefined;
  const found = await watched([nothing, nothing, nothing, nothing, nothing, nothing, end], 100);
  expect(found.filter((happening) => happening === 'time').length).toBeGreaterThan(1);
  expect(found.at(-1)).toBe('empty');
});

test('a cgroup that goes is at its end', async () => {
  const found = await watched([
    () => {
      fs.groups.delete(C);
      fs.files.clear();
    },
  ]);
  expect(found).toEqual(['empty']);
});

test('another cgroup in the place of one that has gone is not waited for', async () => {
  let opened = 0;
  const native = {
    ...fs.native,
    // It is made again between this look and the next one.
    open: () => (opened++ < 2 ? -ENOENT : -EIO),
    wait: () => -EIO,
  };
  const found: Happening[] = [];
  const following = watchCgroup(native, { path: C });
  const timeout = new Promise<'hangs'>((resolve) => setTimeout(resolve, 1000, 'hangs'));
  for (;;) {
    const next = await Promise.race([following.next(), timeout]);
    if (next === 'hangs') throw new Error('it waits for ever');
    if (next.done === true) break;
    found.push(next.value);
  }
  expect(found).toEqual(['empty']);
});
