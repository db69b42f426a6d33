import { expect, test } from 'vitest';

import { EIO, ENOSPC } from '../../../src/native/constants.js';
import {
  claimDirectory,
  findState,
  listIds,
  loadState,
  removeDirectory,
  writeFirstState,
  writeState,
} from '../../../src/state/store.js';
import { ROOT, stateOf, system } from './scene.js';

test('an id can be claimed once', () => {
  const { native } = system();
  claimDirectory(native, ROOT, 'a');
  expect(() => claimDirectory(native, ROOT, 'a')).toThrow(
    'container with given ID already exists: "a"',
  );
});

test('a state is read back as it was written, and is readable by hand', () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  const state = stateOf('a', { annotations: { 'org.x': 'ü "q"' } });
  writeFirstState(fake.native, ROOT, state);
  writeState(fake.native, ROOT, { ...state, pid: 7 });
  expect(loadState(fake.native, ROOT, 'a')).toEqual({ ...state, pid: 7 });
  expect(fake.files.get(`${ROOT}/a/state.json`)?.content).toContain('\n  "pid": 7,\n');
  expect(fake.fds.size).toBe(0);
});

test('whichever call fails, the old state or the new one is there, and nothing else', () => {
  for (let nth = 1; ; nth++) {
    const fake = system();
    claimDirectory(fake.native, ROOT, 'a');
    writeFirstState(fake.native, ROOT, stateOf('a', { pid: 1 }));
    const before = fake.files.paths();
    fake.failNth(nth, ENOSPC);
    let failed = false;
    try {
      writeState(fake.native, ROOT, stateOf('a', { pid: 2 }));
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STATE', errno: ENOSPC });
      failed = true;
    }
    fake.failNth(0, 0);
    expect(loadState(fake.native, ROOT, 'a').pid).toBe(failed ? 1 : 2);
    expect(fake.files.paths()).toEqual(before);
    expect(fake.fds.size).toBe(0);
    if (!failed) {
      expect(nth).toBeGreaterThan(3);
      return;
    }
  }
});

test('a torn, foreign or missing state is broken, a newer format is an error', () => {
  const fake = system();
  expect(findState(fake.native, ROOT, 'a').kind).toBe('absent');
  expect(() => loadState(fake.native, ROOT, 'a')).toThrow('container "a" does not exist');
  claimDirectory(fake.native, ROOT, 'a');
  expect(findState(fake.native, ROOT, 'a').kind).toBe('broken');
  const file = fake.files.put(`${ROOT}/a/state.json`);
  for (const text of ['', '{"version": 1, "id"', 'null', '[]', JSON.stringify(stateOf('b'))]) {
    file.content = text;
    expect(findState(fake.native, ROOT, 'a').kind, text).toBe('broken');
  }
  expect(() => loadState(fake.native, ROOT, 'a')).toThrow('delete --force removes it');
  file.content = JSON.stringify({ ...stateOf('a'), version: 2 });
  expect(() => findState(fake.native, ROOT, 'a')).toThrow('is of a newer tsrun');
});

test('a state that cannot be read is no missing container', () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  fake.failNth(1, EIO);
  expect(() => loadState(fake.native, ROOT, 'a')).toThrow('cannot read /run/tsrun/a/state.json');
});

test('removal takes everything, the state last', () => {
  for (let nth = 1; ; nth++) {
    const fake = system();
    const before = fake.files.paths();
    claimDirectory(fake.native, ROOT, 'a');
    writeFirstState(fake.native, ROOT, stateOf('a'));
    fake.files.put(`${ROOT}/a/exec.fifo`, 'fifo');
    fake.files.put(`${ROOT}/a/notify/notify.sock`, 'socket');
    fake.failNth(nth, EIO);
    try {
      removeDirectory(fake.native, ROOT, 'a');
      expect(fake.files.paths()).toEqual(before);
      return;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STATE', errno: EIO });
      fake.failNth(0, 0);
      const names = fake.files.list(`${ROOT}/a`) ?? [];
      // Until only the directory is left, delete still knows the container.
      if (names.length > 0) expect(names).toContain('state.json');
      removeDirectory(fake.native, ROOT, 'a');
      expect(fake.files.paths()).toEqual(before);
    }
  }
});

test('only names that can be ids are listed', () => {
  const fake = system();
  expect(listIds(fake.native, '/nowhere')).toEqual([]);
  for (const name of ['b', 'a', 'no id', 'x~']) fake.files.put(`${ROOT}/${name}`, 'directory');
  expect(listIds(fake.native, ROOT)).toEqual(['a', 'b']);
});
