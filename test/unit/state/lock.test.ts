import { expect, test } from 'vitest';

import { EACCES, LOCK_EX, LOCK_SH } from '../../../src/native/constants.js';
import { isLocked, lockContainer, tryLock } from '../../../src/state/lock.js';
import type { Lock } from '../../../src/state/lock.js';
import { claimDirectory } from '../../../src/state/store.js';
import { ROOT, ROOT_FDS, ROOT_PATH, remove, system } from './scene.js';

function mustLock(result: Lock | number): Lock {
  if (typeof result === 'number') throw new Error(`not locked: ${result}`);
  return result;
}

test('shared holders go together, an exclusive one is alone', () => {
  const { native, fds } = system();
  claimDirectory(native, ROOT, 'a');
  const first = mustLock(tryLock(native, ROOT, 'a', LOCK_SH));
  const second = mustLock(tryLock(native, ROOT, 'a', LOCK_SH));
  expect(tryLock(native, ROOT, 'a', LOCK_EX)).toBeLessThan(0);
  first.release();
  first.release();
  second.release();
  const alone = mustLock(tryLock(native, ROOT, 'a', LOCK_EX));
  expect(isLocked(native, ROOT, 'a')).toBe(true);
  alone.release();
  expect(isLocked(native, ROOT, 'a')).toBe(false);
  expect(fds.size).toBe(ROOT_FDS);
});

test('one that is held is waited for, and not for ever', async () => {
  const fake = system();
  const { native } = fake;
  claimDirectory(native, ROOT, 'a');
  const held = mustLock(tryLock(native, ROOT, 'a', LOCK_EX));
  const start = fake.now;
  await expect(lockContainer(native, ROOT, 'a', 'shared')).rejects.toThrow(
    'another command has held it for 30 s',
  );
  expect((fake.now - start) / 1e9).toBeGreaterThanOrEqual(30);
  const waiting = lockContainer(native, ROOT, 'a', 'exclusive');
  held.release();
  (await waiting).release();
  expect(fake.fds.size).toBe(ROOT_FDS);
});

test('a container that is deleted while its lock is waited for does not exist', async () => {
  const fake = system();
  const { native } = fake;
  claimDirectory(native, ROOT, 'a');
  const held = mustLock(tryLock(native, ROOT, 'a', LOCK_EX));
  const waiting = lockContainer(native, ROOT, 'a', 'exclusive');
  remove(native, 'a');
  held.release();
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
  expect(fake.files.get(`${ROOT_PATH}/a`)).toBeUndefined();
  expect(fake.fds.size).toBe(ROOT_FDS);
});

test('a directory that took the place of the locked one is not taken for it', () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  const { native } = fake;
  const swapping = {
    ...native,
    open: native.open,
    flock: (fd: number, operation: number) => {
      fake.files.removeDirectory(`${ROOT_PATH}/a`);
      claimDirectory(native, ROOT, 'a');
      return native.flock(fd, operation);
    },
    fstat: native.fstat,
    stat: native.stat,
    close: native.close,
  };
  expect(tryLock(swapping, ROOT, 'a', LOCK_EX)).toBeLessThan(0);
  expect(fake.fds.size).toBe(ROOT_FDS);
});

test('a refusal of the kernel is told', async () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  fake.failNth(1, EACCES);
  await expect(lockContainer(fake.native, ROOT, 'a', 'shared')).rejects.toMatchObject({
    code: 'ERR_STATE',
    errno: EACCES,
  });
});
