import { expect, test } from 'vitest';

import { EACCES } from '../../../src/native/constants.js';
import { FakeSystem } from '../../../src/native/fake.js';
import { ownerName } from '../../../src/state/owner.js';
import { defaultRoot, ensureRoot } from '../../../src/state/root.js';

test('root has /run/tsrun, others have the directory of their session', () => {
  const fake = new FakeSystem();
  const session = { XDG_RUNTIME_DIR: '/run/user/7' };
  expect(defaultRoot(fake.native, session)).toBe('/run/tsrun');
  fake.files.put('/proc/self/ns/user').ino = 4026532000n;
  expect(defaultRoot(fake.native, session)).toBe('/run/user/7/tsrun');
  fake.uid = 7;
  expect(defaultRoot(fake.native, session)).toBe('/run/user/7/tsrun');
  expect(() => defaultRoot(fake.native, {})).toThrow('XDG_RUNTIME_DIR is not set');
});

test('the directory of a session is not used when somebody else was there first', () => {
  const fake = new FakeSystem();
  const session = { XDG_RUNTIME_DIR: '/tmp' };
  fake.uid = 7;
  const directory = fake.files.put('/tmp/tsrun');
  directory.uid = 8;
  expect(() => defaultRoot(fake.native, session)).toThrow(
    'state directory /tmp/tsrun belongs to another user (8)',
  );
  directory.uid = 7;
  expect(defaultRoot(fake.native, session)).toBe('/tmp/tsrun');
});

test('the root directory is made with its parents, for its owner alone', () => {
  const fake = new FakeSystem();
  ensureRoot(fake.native, '/run/user/7/tsrun');
  expect(fake.files.get('/run/user/7/tsrun')?.mode).toBe(0o700);
  // With its parents, and without.
  expect(fake.files.get('/run/user/7')?.mode).toBe(0o700);
  ensureRoot(fake.native, '/run/user/7/other');
  expect(fake.files.get('/run/user/7/other')?.mode).toBe(0o700);
  ensureRoot(fake.native, '/run/user/7/tsrun');
  fake.files.put('/file');
  expect(() => ensureRoot(fake.native, '/file')).toThrow('not a directory');
  fake.failNth(1, EACCES);
  expect(() => ensureRoot(fake.native, '/other')).toThrow('cannot make state directory /other');
});

test('an owner without a name is a number', () => {
  const fake = new FakeSystem();
  expect(ownerName(fake.native, 0)).toBe('root');
  expect(ownerName(fake.native, 12)).toBe('#12');
});
