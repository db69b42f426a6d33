/** Where compiled filters are kept, and where they must not be. */

import { expect, test } from 'vitest';

import { FakeSystem } from '../../../src/native/fake.js';
import { cacheDirectory } from '../../../src/seccomp/cache.js';

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
