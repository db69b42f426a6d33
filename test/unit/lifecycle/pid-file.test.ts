/** The directory of a pid file is looked up once. */

import { expect, test } from 'vitest';

import { writePidFile } from '../../../src/lifecycle/pid-file.js';
import { FakeSystem } from '../../fakes/system.js';

test('a directory that is exchanged meanwhile gets nothing', () => {
  const fake = new FakeSystem();
  fake.files.put('/run/one', 'directory');
  fake.files.put('/run/other', 'directory');
  fake.files.put('/run/link', 'link', '/run/one');
  const { openat } = fake.native;
  const native = {
    ...fake.implementation(),
    openat: (...request: Parameters<typeof openat>) => {
      const fd = openat(...request);
      fake.files.remove('/run/link');
      fake.files.put('/run/link', 'link', '/run/other');
      return fd;
    },
  };
  writePidFile(native, '/run/link/pid', 42);
  expect(fake.files.get('/run/one/pid')?.content).toBe('42');
  expect(fake.files.paths().filter((path) => path.startsWith('/run/other/'))).toEqual([]);
  expect(fake.fds.size).toBe(0);
});

test('a name alone, and one in /', () => {
  const fake = new FakeSystem();
  fake.files.put('.', 'directory');
  writePidFile(fake.native, 'pid', 42);
  expect(fake.files.get('./pid')?.content).toBe('42');
  writePidFile(fake.native, '/pid', 43);
  expect(fake.files.get('/pid')?.content).toBe('43');
});

test('a directory that is not there', () => {
  const fake = new FakeSystem();
  expect(() => writePidFile(fake.native, '/no/pid', 42)).toThrow('cannot write pid file /no/pid: ');
});
