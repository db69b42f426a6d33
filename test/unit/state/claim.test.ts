/** Between making an id's directory and locking it, others may come. */

import { expect, test } from 'vitest';

import { create } from '../../../src/lifecycle/create.js';
import { EIO, LOCK_EX } from '../../../src/native/constants.js';
import type { Native } from '../../../src/native/types.js';
import { claimContainer } from '../../../src/state/claim.js';
import { tryLock } from '../../../src/state/lock.js';
import type { Lock } from '../../../src/state/lock.js';
import { claimDirectory } from '../../../src/state/store.js';
import { options, system as bundled } from '../lifecycle/scene.js';
import { ROOT, ROOT_FDS, ROOT_PATH, remove, system } from './scene.js';

/** `native` where something happens once, right after the directory has been made. */
function afterMkdir(native: Native, happen: () => void): Native {
  let done = false;
  return new Proxy(native, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (name !== 'mkdirAt') return member;
      return (directory: number, entry: string, mode: number) => {
        const made = target.mkdirAt(directory, entry, mode);
        if (entry === 'a' && !done) {
          done = true;
          happen();
        }
        return made;
      };
    },
  });
}

/** What `delete --force` and another create do. */
function takeOver(native: Native): void {
  remove(native, 'a');
  claimDirectory(native, ROOT, 'a');
}

function mustLock(result: Lock | number): Lock {
  if (typeof result === 'number') throw new Error(`not locked: ${result}`);
  return result;
}

test('another create that has the id by then keeps it, and everything it made', async () => {
  const fake = bundled();
  const other = fake.native;
  const native = afterMkdir(fake.native, () => {
    takeOver(other);
    fake.files.put(`${ROOT_PATH}/a/state.json`, 'file', 'of the other one');
  });
  await expect(create(native, options())).rejects.toMatchObject({ code: 'ERR_EXISTS' });
  expect(fake.files.get(`${ROOT_PATH}/a/state.json`)?.content).toBe('of the other one');
  expect(fake.fds.size).toBe(ROOT_FDS);
});

test('one that is at it holds the lock, is waited for, and keeps the id', async () => {
  const fake = system();
  const other = fake.native;
  let lock: Lock | undefined;
  const claim = claimContainer(
    afterMkdir(fake.native, () => {
      takeOver(other);
      lock = mustLock(tryLock(other, ROOT, 'a', LOCK_EX));
    }),
    ROOT,
    'a',
  );
  fake.files.put(`${ROOT_PATH}/a/state.json`);
  lock?.release();
  await expect(claim).rejects.toMatchObject({ code: 'ERR_EXISTS' });
  expect(fake.files.get(`${ROOT_PATH}/a/state.json`)).toBeDefined();
  expect(fake.fds.size).toBe(ROOT_FDS);
});

test('one that holds it longer than anybody waits for keeps it, too', async () => {
  const fake = bundled();
  const other = fake.native;
  const native = afterMkdir(fake.native, () => {
    takeOver(other);
    mustLock(tryLock(other, ROOT, 'a', LOCK_EX));
    fake.files.put(`${ROOT_PATH}/a/exec.fifo`, 'fifo');
  });
  await expect(create(native, options())).rejects.toMatchObject({ code: 'ERR_STATE' });
  expect(fake.files.get(`${ROOT_PATH}/a/exec.fifo`)).toBeDefined();
});

test('a directory that has been deleted by then is an error', async () => {
  const fake = system();
  const other = fake.native;
  const native = afterMkdir(fake.native, () => remove(other, 'a'));
  await expect(claimContainer(native, ROOT, 'a')).rejects.toThrow(
    'cannot create container "a": it was deleted meanwhile',
  );
  expect(fake.files.get(`${ROOT_PATH}/a`)).toBeUndefined();
});

test('of two that make it one after the other, the first to lock it has it', async () => {
  const fake = system();
  const other = fake.native;
  const native = afterMkdir(fake.native, () => takeOver(other));
  const lock = await claimContainer(native, ROOT, 'a');
  expect(lock.isCurrent()).toBe(true);
  lock.release();
  expect(lock.isCurrent()).toBe(false);
});

test('what took the place of a locked directory is not removed when create fails', async () => {
  const fake = bundled();
  fake.failStep = () => {
    // Nobody who keeps to the lock does this.
    for (const name of fake.files.list(`${ROOT_PATH}/a`) ?? [])
      fake.files.remove(`${ROOT_PATH}/a/${name}`);
    takeOver(fake.native);
    fake.files.put(`${ROOT_PATH}/a/state.json`, 'file', 'of the other one');
    return { errno: EIO };
  };
  await expect(create(fake.native, options())).rejects.toMatchObject({ errno: EIO });
  expect(fake.files.get(`${ROOT_PATH}/a/state.json`)?.content).toBe('of the other one');
});
