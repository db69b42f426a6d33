import { expect, test } from 'vitest';

import { busAddress } from '../../../../src/cgroups/systemd/bus.js';
import { scopeName, slicePath } from '../../../../src/cgroups/systemd/name.js';
import { unitPath } from '../../../../src/cgroups/systemd/scope.js';
import { userBus } from '../../../../src/cgroups/systemd/user-bus.js';
import { FakeSystem } from '../../../fakes/system.js';

test.each([
  [undefined, false, 'tsrun-a.scope', 'system.slice', '/system.slice/tsrun-a.scope'],
  ['', true, 'tsrun-a.scope', 'user.slice', '/user.slice/tsrun-a.scope'],
  [':cri:x', false, 'cri-x.scope', 'system.slice', '/system.slice/cri-x.scope'],
  ['-.slice:p:x', false, 'p-x.scope', '-.slice', '/p-x.scope'],
  ['a.slice::x', false, 'x.scope', 'a.slice', '/a.slice/x.scope'],
  [
    'kubepods-besteffort-pod1_2.slice:cri-containerd:abc',
    false,
    'cri-containerd-abc.scope',
    'kubepods-besteffort-pod1_2.slice',
    '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/cri-containerd-abc.scope',
  ],
])('%s', (cgroupsPath, user, unit, slice, path) => {
  expect(scopeName({ cgroupsPath, id: 'a', user })).toEqual({ unit, slice, path });
});

test('what the name of a unit may not hold is escaped', () => {
  const { unit } = scopeName({ cgroupsPath: undefined, id: 'a+b', user: false });
  expect(unit).toBe(String.raw`tsrun-a\x2bb.scope`);
  expect(scopeName({ cgroupsPath: 'a.slice:x@y:/z', id: 'a', user: false }).unit).toBe(
    String.raw`x\x40y-\x2fz.scope`,
  );
});

test.each([
  ['/absolute', 'slice:prefix:name'],
  ['a.slice:b', 'slice:prefix:name'],
  ['a.slice:b:c:d', 'slice:prefix:name'],
  ['a.slice:b:', 'the name, is empty'],
  ['a.slice:b:c.slice', 'cannot be a slice'],
  ['a:b:c', 'no slice'],
  ['a/b.slice:b:c', 'not a valid name'],
  ['-a.slice:b:c', 'not a valid name'],
  ['a--b.slice:b:c', 'not a valid name'],
  ['.slice:b:c', 'not a valid name'],
  ['a.slice:b:ü', 'ASCII'],
  [`a.slice:b:${'c'.repeat(250)}`, 'too long'],
])('refuses %s', (cgroupsPath, reason) => {
  expect(() => scopeName({ cgroupsPath, id: 'a', user: false })).toThrow(reason);
  expect(() => scopeName({ cgroupsPath, id: 'a', user: false })).toThrow('/linux/cgroupsPath: ');
});

test('slices are nested by their dashes', () => {
  expect(slicePath('-.slice')).toBe('');
  expect(slicePath('a-b-c.slice')).toBe('/a.slice/a-b.slice/a-b-c.slice');
});

test('object paths and addresses are escaped', () => {
  expect(unitPath('1a-b.scope')).toBe('/org/freedesktop/systemd1/unit/_31a_2db_2escope');
  expect(busAddress('/run/user/1/bus')).toBe('unix:path=/run/user/1/bus');
  expect(busAddress("/a b,;'ä~")).toBe('unix:path=/a%20b%2C%3B%27%C3%A4%7e');
});

test("the user's bus is where the environment says, else where systemd makes it", () => {
  const fake = new FakeSystem();
  fake.uid = 7;
  const at = (environment: Record<string, string>): string => userBus(fake.native, environment);
  expect(at({})).toBe('/run/user/7/bus');
  expect(at({ XDG_RUNTIME_DIR: '/x' })).toBe('/x/bus');
  expect(at({ DBUS_SESSION_BUS_ADDRESS: 'tcp:host=h;unix:path=/a%20b,guid=1' })).toBe('/a b');
  expect(at({ DBUS_SESSION_BUS_ADDRESS: 'unix:guid=1,path=/c' })).toBe('/c');
  expect(at({ DBUS_SESSION_BUS_ADDRESS: 'unix:abstract=/c', XDG_RUNTIME_DIR: '/x' })).toBe(
    '/x/bus',
  );
});
