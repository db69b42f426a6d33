/** Where compiled filters are kept, and where they must not be. */

import { describe, expect, test } from 'vitest';

import { S_IFREG } from '../../../src/native/constants.js';
import { FakeSystem } from '../../../src/native/fake.js';
import type { Stat } from '../../../src/native/types.js';
import { cacheDirectory, findProgram, keepProgram } from '../../../src/seccomp/cache.js';

const OVERFLOW_UID = 65534;
const ROOT = '/run/user/1000/of-somebody/tsrun';

/** The owner of each directory from / to the state, in a user namespace or not. */
function cacheOf(owners: Record<string, number>, inInitial: boolean): string | undefined {
  const fake = new FakeSystem();
  for (const [path, uid] of Object.entries(owners)) {
    if (path !== '/') fake.native.mkdir(path, 0o755);
    fake.native.chown(path, uid, uid);
  }
  const native = {
    ...fake.native,
    stat: (path: string) => {
      const stat = fake.native.stat(path);
      const other = path === '/proc/self/ns/user' && typeof stat !== 'number' && !inInitial;
      return other ? { ...stat, ino: 4026532000n } : stat;
    },
  };
  return cacheDirectory(native, ROOT);
}

const OWN = { '/run/user/1000': 0, '/run/user/1000/of-somebody': 0, [ROOT]: 0 };

test.each([
  [
    'of the system, unmapped',
    { '/': OVERFLOW_UID, '/run': OVERFLOW_UID, '/run/user': OVERFLOW_UID },
  ],
  ['of the system, of its root', { '/': 0, '/run': 0, '/run/user': 0 }],
])('a user namespace trusts directories %s', (_, owners) => {
  expect(cacheOf({ ...owners, ...OWN }, false)).toBe(`${ROOT}/@seccomp`);
});

test('and no other whose owner it does not know: it may be any user', () => {
  const system = { '/': OVERFLOW_UID, '/run': OVERFLOW_UID, '/run/user': OVERFLOW_UID };
  for (const path of Object.keys(OWN)) {
    expect(cacheOf({ ...system, ...OWN, [path]: OVERFLOW_UID }, false), path).toBeUndefined();
  }
});

test('outside of one that id is a user as others are', () => {
  const system = { '/': 0, '/run': 0, '/run/user': 0 };
  expect(cacheOf({ ...system, ...OWN }, true)).toBe(`${ROOT}/@seccomp`);
  expect(cacheOf({ ...system, ...OWN, '/run': OVERFLOW_UID }, true)).toBeUndefined();
});

describe('an entry', () => {
  const program = new Uint8Array(16).fill(6);
  const path = '/cache/entry';

  function kept(): FakeSystem {
    const fake = new FakeSystem();
    fake.native.mkdir('/cache', 0o700);
    expect(keepProgram(fake.native, '/cache', path, program)).toBe(true);
    expect(findProgram(fake.native, path)).toEqual(program);
    return fake;
  }

  /** As somebody else would have it there. */
  function seenAs(change: Partial<Stat>): Uint8Array | undefined {
    const { native } = kept();
    const lstat = (name: string): Stat | number => {
      const stat = native.lstat(name);
      return name === path && typeof stat !== 'number' ? { ...stat, ...change } : stat;
    };
    return findProgram({ ...native, lstat }, path);
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
    const { native } = kept();
    const read = (fd: number, max: number): Uint8Array | number => {
      const data = native.read(fd, max);
      if (typeof data !== 'number') data[data.length - 1] = 0xff;
      return data;
    };
    expect(findProgram({ ...native, read }, path)).toBeUndefined();
  });
});

test('a directory above that is none, or that others may write to, is not trusted', () => {
  const fake = new FakeSystem();
  for (const path of ['/run', '/run/user', '/run/user/1000', '/run/user/1000/of-somebody', ROOT]) {
    fake.native.mkdir(path, 0o755);
  }
  const withMode = (mode: number): string | undefined => {
    const lstat = (name: string): Stat | number => {
      const stat = fake.native.lstat(name);
      return name === '/run/user/1000' && typeof stat !== 'number' ? { ...stat, mode } : stat;
    };
    return cacheDirectory({ ...fake.native, lstat }, ROOT);
  };
  expect(withMode(0o040755)).toBe(`${ROOT}/@seccomp`);
  expect(withMode(0o041777)).toBe(`${ROOT}/@seccomp`);
  for (const mode of [0o040775, 0o040757, 0o120755, 0o100755]) {
    expect(withMode(mode), mode.toString(8)).toBeUndefined();
  }
});
