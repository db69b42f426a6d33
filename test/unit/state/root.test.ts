import { expect, test } from 'vitest';

import { EACCES, EIO, ENOENT } from '../../../src/native/constants.js';
import { FakeSystem } from '../../fakes/system.js';
import { ownerName } from '../../../src/state/owner.js';
import { StateRoot, defaultRoot } from '../../../src/state/root.js';

const OVERFLOW_UID = 65534;

/** The user of a system on which these directories have these owners. */
function userOf(uid: number, owners: Record<string, number> = {}): FakeSystem {
  const fake = new FakeSystem();
  fake.uid = uid;
  for (const [path, owner] of Object.entries(owners)) fake.files.put(path, 'directory').uid = owner;
  return fake;
}

function open(fake: FakeSystem, path: string): StateRoot {
  return StateRoot.open(fake.native, path);
}

test('root has /run/tsrun, others have the directory of their session', () => {
  const fake = new FakeSystem();
  const session = { XDG_RUNTIME_DIR: '/run/user/7' };
  expect(defaultRoot(fake.native, session)).toBe('/run/tsrun');
  fake.files.put('/proc/self/ns/user').ino = 4026532000n;
  expect(defaultRoot(fake.native, session)).toBe('/run/user/7/tsrun');
  fake.uid = 7;
  expect(defaultRoot(fake.native, session)).toBe('/run/user/7/tsrun');
});

test('who has no session has the directory of another session, else one below /tmp', () => {
  const fake = userOf(7, { '/run/user/7': 7 });
  expect(defaultRoot(fake.native, {})).toBe('/run/user/7/tsrun');
  expect(defaultRoot(fake.native, { XDG_RUNTIME_DIR: '' })).toBe('/run/user/7/tsrun');
  const directory = fake.files.get('/run/user/7');
  if (directory !== undefined) directory.uid = 8;
  expect(defaultRoot(fake.native, {})).toBe('/tmp/tsrun-7');
  expect(defaultRoot(userOf(7).native, {})).toBe('/tmp/tsrun-7');
});

test('an error is no answer to whether there is a session', () => {
  const fake = userOf(7, { '/run/user/7': 7 });
  const native = { ...fake.native, stat: () => -EIO };
  expect(() => defaultRoot(native, {})).toThrow('cannot look at /run/user/7');
});

test('the directory of a session is not used when somebody else was there first', () => {
  const fake = userOf(7, { '/tmp/tsrun': 8 });
  expect(() => open(fake, '/tmp/tsrun')).toThrow(
    'cannot use state directory /tmp/tsrun: /tmp/tsrun belongs to another user (8)',
  );
  const directory = fake.files.get('/tmp/tsrun');
  if (directory !== undefined) directory.uid = 7;
  open(fake, '/tmp/tsrun').close();
  expect(fake.fds.size).toBe(0);
});

test.each([
  ['of another user', { uid: 8 }, 'belongs to another user (8)'],
  ['of a group', { mode: 0o775 }, 'can be changed by others (mode 0775)'],
  ['of everybody', { mode: 0o777 }, 'can be changed by others (mode 0777)'],
  ['that is a file', { type: 'file' }, 'is not a directory'],
] as const)('a directory on the way to it %s is refused by name', (_, change, why) => {
  for (const at of ['/a', '/a/b', '/a/b/tsrun']) {
    const fake = userOf(7, { '/a': 7, '/a/b': 0, '/a/b/tsrun': 7 });
    const node = fake.files.get(at);
    if (node !== undefined) Object.assign(node, change);
    expect(() => open(fake, '/a/b/tsrun')).toThrow(
      `cannot use state directory /a/b/tsrun: ${at} ${why}`,
    );
    expect(fake.fds.size).toBe(0);
  }
});

test('in a sticky directory nobody can exchange it, but others can make containers there', () => {
  const fake = userOf(7, { '/tmp': 0, '/tmp/tsrun': 7 });
  const sticky = fake.files.get('/tmp');
  if (sticky !== undefined) sticky.mode = 0o1777;
  open(fake, '/tmp/tsrun');
  open(fake, '/tmp/other').make();
  const root = open(fake, '/tmp');
  expect(root.openContainer('tsrun')).toBeGreaterThan(0);
  for (const change of [{ uid: 8 }, { uid: 7, mode: 0o720 }]) {
    Object.assign(fake.files.get('/tmp/tsrun') ?? {}, change);
    expect(() => root.openContainer('tsrun')).toThrow('cannot use /tmp/tsrun: it belongs to');
  }
});

test.each([
  ['of the system, unmapped', OVERFLOW_UID],
  ['of the system, of its root', 0],
])('a user namespace trusts directories %s', (_, uid) => {
  const fake = userOf(0, { '/': uid, '/run': uid, '/run/user': uid, '/run/user/7/x/tsrun': 0 });
  fake.files.put('/proc/self/ns/user').ino = 4026532000n;
  open(fake, '/run/user/7/x/tsrun');
  // And no other whose owner it does not know: it may be any user.
  for (const path of ['/run/user/7', '/run/user/7/x', '/run/user/7/x/tsrun']) {
    const node = fake.files.get(path);
    if (node !== undefined) node.uid = OVERFLOW_UID;
    expect(() => open(fake, '/run/user/7/x/tsrun')).toThrow(`${path} belongs to another user`);
    if (node !== undefined) node.uid = 0;
  }
});

test('nothing is of a caller that its user namespace does not map: others look the same', () => {
  const fake = userOf(OVERFLOW_UID, { '/home': 0, '/home/u': OVERFLOW_UID, '/tmp': 0 });
  expect(open(fake, '/home/u/tsrun').fd).toBe(-ENOENT);
  fake.files.put('/tmp', 'directory').mode = 0o1777;
  fake.files.put('/tmp/x', 'directory').uid = OVERFLOW_UID;
  fake.files.put('/proc/self/ns/user').ino = 4026532000n;
  expect(() => open(fake, '/home/u/tsrun')).toThrow('/home/u belongs to another user (65534)');
  expect(() => open(fake, '/tmp').openContainer('x')).toThrow('cannot use /tmp/x: it belongs to');
});

test('outside of one that id is a user as others are', () => {
  const fake = userOf(0, { '/run': OVERFLOW_UID, '/run/tsrun': 0 });
  expect(() => open(fake, '/run/tsrun')).toThrow('/run belongs to another user (65534)');
});

test('links are followed that nobody else can have made', () => {
  const fake = userOf(7, { '/run/user/7': 7, '/home/u': 7 });
  const link = fake.files.put('/home/u/run', 'link', '../../run/user/./7');
  const above = fake.files.put('/home/u/above', 'link', '/home/u/run/..//7/tsrun');
  for (const node of [link, above]) node.uid = 7;
  open(fake, '/home/u/run/tsrun').make();
  expect(fake.files.get('/run/user/7/tsrun')?.mode).toBe(0o700);
  expect(open(fake, '/home/u/above').fd).toBeGreaterThan(0);
  link.uid = 8;
  expect(() => open(fake, '/home/u/above')).toThrow('/home/u/run belongs to another user (8)');
  const loop = fake.files.put('/home/u/loop', 'link', 'loop');
  loop.uid = 7;
  expect(() => open(fake, '/home/u/loop/tsrun')).toThrow('errno 40');
});

test('it is made with its parents, for its owner alone', () => {
  const fake = new FakeSystem();
  const root = open(fake, '/run/user/7/tsrun');
  expect([root.fd, fake.files.get('/run')]).toEqual([-ENOENT, undefined]);
  root.make();
  expect(root.fd).toBeGreaterThan(0);
  expect(fake.files.get('/run/user/7/tsrun')?.mode).toBe(0o700);
  // With its parents, and without.
  expect(fake.files.get('/run/user/7')?.mode).toBe(0o700);
  open(fake, '/run/user/7/other').make();
  expect(fake.files.get('/run/user/7/other')?.mode).toBe(0o700);
  root.make();
  root.close();
  expect(root.fd).toBe(-ENOENT);
});

test('no call that fails leaves a descriptor, or is taken for a directory that is not there', () => {
  for (let nth = 1; ; nth++) {
    const fake = userOf(7, { '/run/user/7': 7 });
    fake.files.put('/here', 'link', '/run/user').uid = 7;
    fake.failNth(nth, nth % 2 === 0 ? EACCES : EIO);
    try {
      const root = open(fake, '/here/7/tsrun');
      root.make();
      root.close();
      expect(nth).toBeGreaterThan(20);
      return;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STATE', errno: nth % 2 === 0 ? EACCES : EIO });
      expect(fake.fds.size).toBe(0);
    }
  }
});

test('an owner without a name is a number', () => {
  const fake = new FakeSystem();
  expect(ownerName(fake.native, 0)).toBe('root');
  expect(ownerName(fake.native, 12)).toBe('#12');
});
