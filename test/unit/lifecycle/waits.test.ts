/** Waiting for the first of several descriptors, where one cannot be waited for. */

import { expect, test } from 'vitest';

import { waitForEither } from '../../../src/lifecycle/wait-either.js';
import { EMFILE, POLLIN } from '../../../src/native/constants.js';
import type { Native } from '../../../src/native/types.js';
import { waitForAny } from '../../../src/native/wait.js';

const FIRST = 10;
const SECOND = 11;

/** A system in which `broken` cannot be waited for, and nothing ever happens on others. */
function system(broken: number): { native: Native; registered: Set<number> } {
  const registered = new Set<number>();
  const native = {
    wait: (fd: number) => {
      if (fd === broken) return -EMFILE;
      registered.add(fd);
      return fd;
    },
    cancelWait: (handle: number) => {
      registered.delete(handle);
    },
    strerror: () => 'too many open files',
  };
  return { native: native as Partial<Native> as Native, registered };
}

test.each([FIRST, SECOND])('of two, with %i broken, none stays registered', async (broken) => {
  const { native, registered } = system(broken);
  await expect(waitForEither(native, FIRST, SECOND)).rejects.toMatchObject({
    code: 'ERR_SYSTEM',
    errno: EMFILE,
    message: 'cannot wait for a process: too many open files',
  });
  expect([...registered]).toEqual([]);
});

test.each([FIRST, SECOND])('of any, with %i broken, none stays registered', async (broken) => {
  const { native, registered } = system(broken);
  const waits = [FIRST, SECOND].map((fd) => ({ fd, events: POLLIN }));
  expect(await waitForAny(native, waits, -1)).toBe(-EMFILE);
  expect([...registered]).toEqual([]);
});
