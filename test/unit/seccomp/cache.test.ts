/** Where compiled filters are kept, and where they must not be. */

import { describe, expect, test } from 'vitest';

import { S_IFREG } from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import type { Native, Stat } from '../../../src/native/types.js';
import { findProgram, keepProgram, openCache } from '../../../src/seccomp/cache.js';
import { ROOT, ROOT_FDS, ROOT_PATH, system } from '../state/scene.js';

const DIRECTORY = `${ROOT_PATH}/@seccomp`;

test('the cache is made for its owner alone', () => {
  const fake = system();
  expect(openCache(fake.native, ROOT)).toBeGreaterThan(0);
  expect(fake.files.get(DIRECTORY)?.mode).toBe(0o700);
});

test.each([
  ['of another user', { uid: 8 }],
  ['of a group', { mode: 0o770 }],
  ['that is a file', { type: 'file' }],
  ['that is a link', { type: 'link', content: '/run' }],
] as const)('one %s is not used', (_, change) => {
  const fake = system();
  Object.assign(fake.files.put(DIRECTORY, 'directory'), change);
  expect(openCache(fake.native, ROOT)).toBeUndefined();
  expect(fake.fds.size).toBe(ROOT_FDS);
});

describe('an entry', () => {
  const program = new Uint8Array(16).fill(6);

  function kept(): { fake: FakeSystem; cache: number } {
    const fake = system();
    const cache = openCache(fake.native, ROOT) ?? -1;
    expect(keepProgram(fake.native, cache, 'entry', program)).toBe(true);
    expect(findProgram(fake.native, cache, 'entry')).toEqual(program);
    return { fake, cache };
  }

  /** As somebody else would have it there. */
  function seenAs(change: Partial<Stat>): Uint8Array | undefined {
    const { fake, cache } = kept();
    const { native } = fake;
    const changed: Native = {
      ...native,
      fstatAt: (directory, name) => {
        const stat = native.fstatAt(directory, name);
        return typeof stat === 'number' ? stat : { ...stat, ...change };
      },
    };
    return findProgram(changed, cache, 'entry');
  }

  test('of another user is not used', () => {
    expect(seenAs({ uid: 1234 })).toBeUndefined();
    expect(seenAs({ uid: 0 })).toEqual(program);
  });

  test.each([0o620, 0o602, 0o666])('that others may write to is not used: %o', (mode) => {
    expect(seenAs({ mode: S_IFREG | mode })).toBeUndefined();
  });

  test('that is a link or a fifo is not used', () => {
    for (const type of [0o120000, 0o010000]) {
      expect(seenAs({ mode: type | 0o600 })).toBeUndefined();
    }
  });

  test('whose program is not the one that was kept is not used', () => {
    const { fake, cache } = kept();
    const { native } = fake;
    const read = (fd: number, max: number): Uint8Array | number => {
      const data = native.read(fd, max);
      if (typeof data !== 'number') data[data.length - 1] = 0xff;
      return data;
    };
    expect(findProgram({ ...native, read }, cache, 'entry')).toBeUndefined();
  });
});
