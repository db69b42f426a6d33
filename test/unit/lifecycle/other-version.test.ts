/** Beside a container whose state is of another version of tsrun. */

import { expect, test } from 'vitest';

import { deleteContainer } from '../../../src/lifecycle/delete.js';
import { kill } from '../../../src/lifecycle/kill.js';
import { list, listRows } from '../../../src/lifecycle/list.js';
import { isUsedByAnother } from '../../../src/lifecycle/own-cgroup.js';
import { EIO, SIGKILL } from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import { STATE_VERSION } from '../../../src/state/state.js';
import { ROOT, ROOT_PATH, made, system } from './scene.js';

const FILE = `${ROOT_PATH}/b/state.json`;

/** A state as version 1 had it: everything in one line. */
function older(pid: number, path: string, version = 1): string {
  return `${JSON.stringify({
    ...{ version, ociVersion: '1.3.0', id: 'b', phase: 'created', pid, startTime: 1 },
    ...{ bundle: '/bundle', owner: { uid: 0, name: 'root' }, newPidNamespace: false },
    cgroup: { manager: 'cgroupfs', path, inode: '1' },
  })}\n`;
}

/** A container a that has ended, and another process in its cgroup, of a container b. */
async function shared(text: (pid: number, path: string) => string) {
  const fake = system();
  const { state, pidfd } = await made(fake);
  const process = fake.processes.get(state.pid);
  if (process === undefined || state.cgroup === null) throw new Error('no process');
  fake.end(process);
  fake.native.reap(pidfd);
  fake.native.close(pidfd);
  const other = fake.addProcess({ pid: 4000, child: false });
  fake.cgroups.enter(state.cgroup.path, other.pid);
  fake.files.put(FILE, 'file', text(other.pid, state.cgroup.path));
  return { fake, other, state };
}

test.each([1, STATE_VERSION + 1])('it is no damage, and lives: version %i', async (version) => {
  const { fake, other } = await shared((pid, path) => older(pid, path, version));
  const which = version === 1 ? 'an older' : 'a newer';
  const message = `cannot read ${FILE}: format version ${version} is of ${which} tsrun`;
  for (const show of [list, listRows]) {
    const warnings: string[] = [];
    const rows = show(fake.native, { root: ROOT, warn: (text) => warnings.push(text) });
    expect(rows.map(({ id }) => id)).toEqual(['a']);
    expect(warnings).toEqual([message]);
  }
  const name = { root: ROOT, id: 'b', warn: () => undefined };
  await expect(deleteContainer(fake.native, { ...name, force: true })).rejects.toMatchObject({
    code: 'ERR_STATE',
    message,
  });
  await expect(kill(fake.native, { ...name, signal: SIGKILL, all: true })).rejects.toThrow(message);
  expect(other.exit).toBeUndefined();
  expect(fake.files.get(FILE)).toBeDefined();
});

test.each([1, STATE_VERSION + 1])(
  'what lives in its cgroup is left alone: version %i',
  async (version) => {
    const { fake, other, state } = await shared((pid, path) => older(pid, path, version));
    const name = { root: ROOT, id: 'a', warn: () => undefined };
    await expect(kill(fake.native, { ...name, signal: SIGKILL, all: true })).rejects.toMatchObject({
      code: 'ERR_NOT_RUNNING',
    });
    await deleteContainer(fake.native, { ...name, force: true });
    expect(fake.files.get(`${ROOT_PATH}/a`)).toBeUndefined();
    expect(other.exit).toBeUndefined();
    expect(fake.files.get(state.cgroup?.path ?? '')).toBeDefined();
  },
);

test("one that names another cgroup is in nobody's way", async () => {
  const { fake, other } = await shared((pid) => older(pid, '/sys/fs/cgroup/b'));
  await deleteContainer(fake.native, { root: ROOT, id: 'a', force: true, warn: () => undefined });
  expect(other.exit).toMatchObject({ signal: SIGKILL });
});

test('one that names a cgroup which was at that path before is in none of it now', async () => {
  for (const [inode, used] of [
    ['', true],
    ['1', false],
  ] as const) {
    const { fake, other, state } = await shared(() => '');
    const { path = '' } = state.cgroup ?? {};
    const cgroup = { ...state.cgroup, inode: `${state.cgroup?.inode ?? ''}${inode}` };
    const details = { namespaces: 0, cgroup };
    const summary = {
      ...{ version: STATE_VERSION, id: 'b', phase: 'created', pid: other.pid },
      ...{ startTime: other.startTime, cgroupPath: path },
    };
    const lines = [{ details }, summary].map((line) => `${JSON.stringify(line)}\n`);
    fake.files.put(FILE, 'file', lines.join(''));
    expect(isUsedByAnother(fake.native, ROOT, state)).toBe(used);
  }
});

test('a state that cannot be read, or has lost its details, may be of the same cgroup', async () => {
  const summary = (fake: FakeSystem, pid: number, path: string): string =>
    `${JSON.stringify({
      ...{ version: STATE_VERSION, id: 'b', phase: 'created', pid },
      ...{ startTime: fake.processes.get(4000)?.startTime, cgroupPath: path },
    })}\n`;
  const { fake, other, state } = await shared(() => '');
  const used = (native = fake.native) => isUsedByAnother(native, ROOT, state);
  const path = state.cgroup?.path ?? '';
  // Of a create that was interrupted.
  expect(used()).toBe(false);
  const unreadable = new Proxy(fake.native, {
    get: (target, name) =>
      name === 'readTextAt'
        ? (directory: number, file: string, max: number) =>
            `${fake.files.pathOf(directory) ?? ''}/${file}` === FILE
              ? -EIO
              : target.readTextAt(directory, file, max)
        : (Reflect.get(target, name) as unknown),
  });
  expect(used(unreadable)).toBe(true);
  fake.files.put(FILE, 'file', summary(fake, other.pid, path));
  expect(used()).toBe(true);
  fake.files.put(FILE, 'file', summary(fake, other.pid, `${path}/b`));
  expect(used()).toBe(false);
  fake.files.put(FILE, 'file', summary(fake, other.pid, path));
  fake.end(other);
  expect(used()).toBe(false);
});
