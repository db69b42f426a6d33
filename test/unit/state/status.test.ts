import { expect, test } from 'vitest';

import { LOCK_EX } from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import { tryLock } from '../../../src/state/lock.js';
import { isAlive, parseProcessStat } from '../../../src/state/proc-stat.js';
import { statusOf } from '../../../src/state/status.js';
import type { Status } from '../../../src/state/status.js';
import type { ContainerState } from '../../../src/state/state.js';
import { claimDirectory } from '../../../src/state/store.js';
import { ROOT, ROOT_PATH, stateOf, system } from './scene.js';

interface Row {
  what: string;
  phase: ContainerState['phase'];
  process: 'alive' | 'zombie' | 'gone' | 'another';
  fifo: 'gone' | 'there' | 'read';
  frozen: boolean;
  locked: boolean;
  status: Status;
}

const base = { phase: 'created', process: 'alive', fifo: 'gone', frozen: false, locked: false };
const ROWS = [
  { ...base, what: 'create runs', phase: 'creating', locked: true, status: 'creating' },
  { ...base, what: 'create was interrupted', phase: 'creating', status: 'stopped' },
  { ...base, what: 'it waits at the gate', fifo: 'read', status: 'created' },
  { ...base, what: 'it died at the gate', fifo: 'read', process: 'gone', status: 'stopped' },
  { ...base, what: 'its start was killed behind the gate', fifo: 'there', status: 'running' },
  { ...base, what: 'it runs', status: 'running' },
  { ...base, what: 'it runs while a command works on it', locked: true, status: 'running' },
  { ...base, what: 'its cgroup is frozen', frozen: true, status: 'paused' },
  { ...base, what: 'its process is a zombie', process: 'zombie', status: 'stopped' },
  { ...base, what: 'its process is gone', process: 'gone', status: 'stopped' },
  { ...base, what: 'its pid is another process', process: 'another', status: 'stopped' },
  { ...base, what: 'frozen, and gone', process: 'gone', frozen: true, status: 'stopped' },
] as Row[];

test.each(ROWS)('$what: $status', (row) => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  const state = { ...scene(fake, row), phase: row.phase };
  if (row.locked) expect(tryLock(fake.native, ROOT, 'a', LOCK_EX)).toBeTypeOf('object');
  const before = fake.fds.size;
  expect(statusOf(fake.native, ROOT, state)).toBe(row.status);
  expect(fake.fds.size).toBe(before);
});

function scene(fake: FakeSystem, row: Row): ContainerState {
  const process = fake.addProcess({ pid: 321, child: row.process === 'zombie' });
  if (row.process === 'zombie' || row.process === 'gone') fake.end(process);
  fake.native.mkdir('/sys/fs/cgroup/a', 0o755);
  if (row.frozen) fake.native.writeText('/sys/fs/cgroup/a/cgroup.freeze', '1');
  if (row.fifo !== 'gone') fake.files.put(`${ROOT_PATH}/a/exec.fifo`, 'fifo');
  if (row.fifo === 'read') fake.readFifo(`${ROOT_PATH}/a/exec.fifo`, process);
  return stateOf('a', {
    pid: 321,
    startTime: process.startTime + (row.process === 'another' ? 1 : 0),
    cgroupPath: '/sys/fs/cgroup/a',
  });
}

test('an exclusive holder of the lock sees an interrupted create as stopped', () => {
  const fake = system();
  claimDirectory(fake.native, ROOT, 'a');
  tryLock(fake.native, ROOT, 'a', LOCK_EX);
  expect(statusOf(fake.native, ROOT, stateOf('a', { phase: 'creating' }), true)).toBe('stopped');
});

test('the name of a process cannot pose as fields', () => {
  const rest = 'Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 19 20';
  expect(parseProcessStat(`12 (a) S 0 0 (b) ${rest}`)).toEqual({
    comm: 'a) S 0 0 (b',
    state: 'Z',
    exiting: true,
    threads: 17,
    startTime: 4242,
  });
  expect(parseProcessStat(`12 (x\n) R ${rest}) ${rest}`)?.startTime).toBe(4242);
  for (const text of ['', '12', '12 (a)', '12 (a) ', '12 (a) S 1 2']) {
    expect(parseProcessStat(text), text).toBeUndefined();
  }
});

test('pid 0 and dead states are not alive', () => {
  const fake = system();
  const process = fake.addProcess({ pid: 9, child: true });
  expect(isAlive(fake.native, 0, 0)).toBe(false);
  expect(isAlive(fake.native, 9, process.startTime)).toBe(true);
  expect(isAlive(fake.native, 9, process.startTime - 1)).toBe(false);
  fake.end(process);
  expect(isAlive(fake.native, 9, process.startTime)).toBe(false);
});
