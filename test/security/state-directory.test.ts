/**
 * Another user who has a hand in where the directory of states is puts one there whose hooks would
 * run as the caller.
 */

import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { STATE_VERSION } from '../../src/state/state.js';
import { makeBundle } from '../support/bundle.js';
import type { Bundle } from '../support/bundle.js';
import { COMMAND, newId } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';
import { UID, makeUser } from '../support/user.js';
import type { User } from '../support/user.js';

const ATTACKER = 40_000;

let user: User;
let bundle: Bundle;
let shared: string;
let marker: string;
let id: string;

beforeAll(() => {
  user = makeUser();
  bundle = makeBundle('sleep 1', (spec) => {
    delete spec.process?.capabilities?.ambient;
    const linux = (spec.linux ??= {});
    linux.namespaces = [...(linux.namespaces ?? []), { type: 'user' }];
    linux.uidMappings = [{ containerID: 0, hostID: UID, size: 1 }];
    linux.gidMappings = [{ containerID: 0, hostID: UID, size: 1 }];
    const pts = spec.mounts?.find(({ destination }) => destination === '/dev/pts');
    pts?.options?.splice(0, 9, ...pts.options.filter((option) => !option.startsWith('gid=')));
  });
  user.give(bundle.path);
});

beforeEach(() => {
  shared = mkdtempSync(join(tmpdir(), 'tsrun-shared-'));
  chmodSync(shared, 0o777);
  marker = join(shared, 'ran-as-the-victim');
  id = newId();
});

afterAll(() => {
  bundle.remove();
  user.remove();
});

function tsrun(...args: string[]): Promise<Result> {
  return user.run(['env', `XDG_RUNTIME_DIR=${shared}`, ...COMMAND, ...args]);
}

/** What `delete` would run a hook of. */
function plant(root: string): void {
  const state = {
    ...{ version: STATE_VERSION, id, phase: 'created', pid: 2, startTime: 1, bundle: '/' },
    ...{ created: '2026-01-01T00:00:00Z', owner: 'x', cgroupPath: null, ociVersion: '1.3.0' },
    ...{ rootfs: '/', annotations: {}, cgroup: null, namespaces: 0, newPidNamespace: false },
    ...{ setup: { uid: 0, gid: 0 }, rootless: true, terminal: false },
    hooks: { poststart: [], poststop: [{ path: '/bin/sh', args: ['sh', '-c', `>${marker}`] }] },
  };
  mkdirSync(join(root, id), { recursive: true });
  writeFileSync(join(root, id, 'state.json'), JSON.stringify(state));
  for (const path of [root, join(root, id), join(root, id, 'state.json')]) {
    chownSync(path, ATTACKER, ATTACKER);
  }
}

test.each([
  [
    'that is another user’s',
    (): void => {
      plant(join(shared, 'tsrun'));
      chmodSync(shared, 0o1777);
    },
    'belongs to another user',
  ],
  [
    'by another user’s link',
    (): void => {
      plant(join(shared, 'evil'));
      chownSync(join(shared, 'evil'), UID, UID);
      chmodSync(shared, 0o1777);
      symlinkSync('evil', join(shared, 'tsrun'));
      lchownSync(join(shared, 'tsrun'), ATTACKER, ATTACKER);
    },
    'belongs to another user',
  ],
  [
    'in a directory that is another user’s',
    (): void => {
      plant(join(shared, 'tsrun'));
      chownSync(join(shared, 'tsrun'), UID, UID);
      chownSync(shared, ATTACKER, ATTACKER);
      chmodSync(shared, 0o755);
    },
    'belongs to another user',
  ],
  [
    'in a directory that anybody may change',
    (): void => {
      plant(join(shared, 'tsrun'));
      chownSync(join(shared, 'tsrun'), UID, UID);
    },
    'can be changed by others (mode 0777)',
  ],
])('a directory of states %s is not used', async (_, attack, why) => {
  attack();
  for (const command of [['delete', '--force', id], ['state', id], ['list']]) {
    const { status, stderr } = await tsrun(...command);
    expect(existsSync(marker), stderr).toBe(false);
    expect([status, stderr]).toEqual([1, expect.stringContaining(why)]);
  }
  rmSync(shared, { recursive: true });
});

test('one of another user is not used by a caller to whom all users look the same', async () => {
  plant(join(shared, 'tsrun'));
  chownSync(shared, ATTACKER, ATTACKER);
  chmodSync(shared, 0o755);
  const { status, stderr } = await user.run([
    ...['unshare', '--user', 'env', `XDG_RUNTIME_DIR=${shared}`],
    ...[...COMMAND, 'delete', id],
  ]);
  expect(existsSync(marker), stderr).toBe(false);
  expect([status, stderr]).toEqual([1, expect.stringContaining('belongs to another user')]);
  rmSync(shared, { recursive: true });
});

test('one that is renamed while run waits is not used', async () => {
  const root = join(shared, 'tsrun');
  const run = tsrun('run', '--bundle', bundle.path, id);
  // Where run were let in, it would come to this.
  const until = Date.now() + 5000;
  while (!existsSync(join(root, id, 'state.json')) && Date.now() < until) {
    if (await Promise.race([run.then(() => true), pause()])) break;
  }
  if (existsSync(root)) {
    await pause(300);
    renameSync(root, join(shared, 'moved'));
    plant(root);
  }
  const { status, stderr } = await run;
  expect(existsSync(marker), stderr).toBe(false);
  expect([status, stderr]).toEqual([1, expect.stringContaining('can be changed by others')]);
  rmSync(shared, { recursive: true });
});

test('what is made in it is for its owner alone to read and to change', async () => {
  chmodSync(shared, 0o1777);
  const made = await user.run([
    ...[
      'env',
      `XDG_RUNTIME_DIR=${shared}`,
      'sh',
      '-c',
      'umask 0; "$@" </dev/null >/dev/null 2>&1',
      'sh',
    ],
    ...[...COMMAND, 'create', '--bundle', bundle.path, id],
  ]);
  expect(made).toMatchObject({ status: 0, stderr: '' });
  const root = join(shared, 'tsrun');
  const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);
  const files = readdirSync(join(root, id)).sort();
  // The container's user passes through the directory to its notify socket.
  expect([mode(root), mode(join(root, id))]).toEqual(['700', '711']);
  expect(files).toEqual(['exec.fifo', 'exec.report', 'state.json']);
  expect(files.map((name) => mode(join(root, id, name)))).toEqual(['1600', '1600', '1600']);
  expect(await tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
  rmSync(shared, { recursive: true });
});

function pause(milliseconds = 10): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), milliseconds));
}
