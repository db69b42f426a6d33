/** What cannot be looked at is not taken for stopped, absent or empty, whichever call fails. */

import { describe, expect, test } from 'vitest';

import { delegatedFiles } from '../../../src/cgroups/delegate.js';
import { controllersBelow, controllersIn } from '../../../src/cgroups/limits/enable.js';
import { isMemoryLimited } from '../../../src/cgroups/limits/memory.js';
import { isFrozen, isPopulated, isThere, procs } from '../../../src/cgroups/manager.js';
import { cgroupOf, hasNsdelegate } from '../../../src/cgroups/mount.js';
import { TsrunError } from '../../../src/errors.js';
import { create } from '../../../src/lifecycle/create.js';
import { deleteContainer } from '../../../src/lifecycle/delete.js';
import { stats } from '../../../src/lifecycle/events.js';
import { exec } from '../../../src/lifecycle/exec.js';
import { kill } from '../../../src/lifecycle/kill.js';
import { list, listRows } from '../../../src/lifecycle/list.js';
import { openNamespaceFiles, ownNamespaces } from '../../../src/lifecycle/namespaces-own.js';
import { ps } from '../../../src/lifecycle/ps.js';
import { readRootFileOf } from '../../../src/lifecycle/root-file.js';
import { start } from '../../../src/lifecycle/start.js';
import { state } from '../../../src/lifecycle/state.js';
import { OpenFds } from '../../../src/lifecycle/undo.js';
import {
  EACCES,
  EIO,
  EMFILE,
  ENOMEM,
  PROC_SUPER_MAGIC,
  SIGKILL,
  TMPFS_MAGIC,
} from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import type { Native } from '../../../src/native/types.js';
import type { Spec } from '../../../src/spec/types.js';
import { isLocked } from '../../../src/state/lock.js';
import { StateRoot } from '../../../src/state/root.js';
import { salvage } from '../../../src/state/salvage.js';
import { inInitialUserNamespace } from '../../../src/state/user-namespace.js';
import { findState } from '../../../src/state/store.js';
import { made, options, ROOT, ROOT_PATH, spec, system } from './scene.js';

const name = {
  get root() {
    return ROOT;
  },
  id: 'a',
};
const quiet = {
  get root() {
    return ROOT;
  },
  id: 'a',
  warn: () => undefined,
};

const ERRNOS = [EIO, EMFILE, ENOMEM, EACCES];

/** The only end that a command may come to besides its own. */
type Verdict = (error: unknown, call: string) => void;

interface Scene {
  fake: FakeSystem;
  pid: number;
}

async function created(): Promise<Scene> {
  const fake = system();
  const { state: stored, pidfd } = await made(fake, { spec: spec({}) });
  fake.native.close(pidfd);
  return { fake, pid: stored.pid };
}

async function running(): Promise<Scene> {
  const scene = await created();
  await start(scene.fake.native, name);
  return scene;
}

/** Does something as often as it has calls, each of which fails once. */
async function eachCall(
  scene: () => Promise<Scene>,
  act: (fake: FakeSystem) => unknown,
  check: (outcome: { value?: unknown; error?: unknown }, scene: Scene, call: string) => void,
): Promise<void> {
  for (const errno of ERRNOS) {
    for (let nth = 1; ; nth++) {
      const made = await scene();
      made.fake.failNth(nth, errno);
      let outcome;
      try {
        outcome = { value: await act(made.fake) };
      } catch (error) {
        outcome = { error };
      }
      const call = made.fake.calls[nth - 1];
      if (call === undefined) break;
      made.fake.failNth(1e9, 0);
      check(outcome, made, `${call} (${nth}): errno ${errno}`);
    }
  }
}

/** Whatever it is, it is an error of tsrun's, and never that there is no such container or process. */
const noAnswer: Verdict = (error, call) => {
  expect(error, call).toBeInstanceOf(TsrunError);
  const { code, message } = error as TsrunError;
  expect(['ERR_NOT_FOUND', 'ERR_NOT_RUNNING'], `${call}: ${message}`).not.toContain(code);
  expect(message, call).not.toMatch(/stopped$|has stopped/);
};

function expectUntouched({ fake, pid }: Scene, status: string, call: string): void {
  expect(fake.processes.get(pid)?.exit, call).toBeUndefined();
  expect(state(fake.native, name).status, call).toBe(status);
}

describe.each([
  ['created', created],
  ['running', running],
] as const)('of a container that is %s', (status, scene) => {
  test('state says so, or fails', async () => {
    await eachCall(
      scene,
      (fake) => state(fake.native, name),
      ({ value, error }, _scene, call) => {
        if (error === undefined) expect(value, call).toMatchObject({ status });
        else noAnswer(error, call);
      },
    );
  });

  test.each([list, listRows])('%s shows it, in its state or as unknown', async (show) => {
    let unknown = 0;
    await eachCall(
      scene,
      (fake) => {
        const warnings: string[] = [];
        const rows = show(fake.native, { root: ROOT, warn: (text) => warnings.push(text) });
        return { rows, warnings };
      },
      ({ value, error }, _scene, call) => {
        if (error !== undefined) {
          noAnswer(error, call);
          return;
        }
        const { rows, warnings } = value as { rows: { status: string }[]; warnings: string[] };
        expect(rows, call).toHaveLength(1);
        expect([status, 'unknown'], call).toContain(rows[0]?.status);
        expect(warnings.length, call).toBe(rows[0]?.status === 'unknown' ? 1 : 0);
        unknown += warnings.length;
      },
    );
    expect(unknown).toBeGreaterThan(0);
  });
});

test('delete without force removes no container that runs', async () => {
  await eachCall(
    running,
    (fake) => deleteContainer(fake.native, quiet),
    ({ error }, scene, call) => {
      noAnswer(error, call);
      expectUntouched(scene, 'running', call);
      expect(findState(scene.fake.native, ROOT, 'a').kind, call).toBe('state');
    },
  );
});

test('delete with force leaves nothing alive of a container that it removes', async () => {
  await eachCall(
    running,
    (fake) => deleteContainer(fake.native, { ...quiet, force: true }),
    ({ error }, { fake, pid }, call) => {
      if (findState(fake.native, ROOT, 'a').kind === 'absent') {
        expect(fake.processes.get(pid)?.exit ?? { signal: SIGKILL }, call).toMatchObject({
          signal: SIGKILL,
        });
        expect(fake.files.get('/sys/fs/cgroup/a'), call).toBeUndefined();
      } else noAnswer(error, call);
    },
  );
});

test.each([
  ['kill', (fake: FakeSystem) => kill(fake.native, { ...name, signal: 0 })],
  ['kill --all', (fake: FakeSystem) => kill(fake.native, { ...name, signal: SIGKILL, all: true })],
  ['ps', (fake: FakeSystem) => ps(fake.native, name)],
  ['stats', (fake: FakeSystem) => stats(fake.native, name)],
])('%s does not say that a container that runs does not', async (command, act) => {
  await eachCall(running, act, ({ value, error }, _scene, call) => {
    if (error !== undefined) noAnswer(error, call);
    else if (command === 'ps') expect(value, call).toEqual([1000]);
  });
});

test('exec does not say that a container that runs does not', async () => {
  await eachCall(
    running,
    (fake) =>
      exec(fake.native, {
        ...quiet,
        process: { cwd: '/', args: ['/bin/true'], user: { uid: 0, gid: 0 } },
        stdio: [0, 1, 2],
      }),
    ({ error }, _scene, call) => {
      if (error !== undefined) noAnswer(error, call);
    },
  );
});

test('start does not say that a created container has stopped', async () => {
  await eachCall(
    created,
    (fake) => start(fake.native, name),
    ({ error }, _scene, call) => {
      if (error !== undefined) noAnswer(error, call);
    },
  );
});

const ownOf = (native: Native, of: Spec): number =>
  ownNamespaces(native, of, openNamespaceFiles(native, of, new OpenFds(native.close)));

/** Questions about the host whose wrong answer takes a defence away, or chooses another place. */
const QUESTIONS: [string, (native: Native) => unknown][] = [
  ['/proc/self/ns/user', inInitialUserNamespace],
  ['/proc/self/ns/net', (native) => ownOf(native, joined)],
  ['/netns', (native) => ownOf(native, joined)],
  ['/proc/self/cgroup', (native) => cgroupOf(native, 'self')],
  ['/proc/self/mountinfo', hasNsdelegate],
  ['/sys/kernel/cgroup/delegate', delegatedFiles],
  ['/sys/fs/cgroup/a', (native) => isThere(native, { ...place, manager: 'cgroupfs', inode: '1' })],
  ['/sys/fs/cgroup/a/cgroup.events', (native) => isPopulated(native, place)],
  ['/sys/fs/cgroup/a/cgroup.freeze', (native) => isFrozen(native, place)],
  ['/sys/fs/cgroup/a/cgroup.controllers', (native) => controllersIn(native, place.path)],
  ['/sys/fs/cgroup/a/cgroup.subtree_control', (native) => controllersBelow(native, place.path)],
  ['/sys/fs/cgroup/a/memory.max', (native) => isMemoryLimited(native, undefined, place.path)],
  ['/sys/fs/cgroup/a/cgroup.stat', (native) => procs(native, place)],
  [`${ROOT_PATH}/a/state.json`, (native) => salvage(native, ROOT, 'a')],
  [`${ROOT_PATH}/a`, (native) => isLocked(native, StateRoot.open(native, ROOT_PATH), 'a')],
  ['/proc/1/root', (native) => readRootFileOf(native, 1, 0, '/etc/passwd')],
];
const place = { path: '/sys/fs/cgroup/a' };
const joined = { linux: { namespaces: [{ type: 'network', path: '/netns' }] } } as Spec;

test.each(QUESTIONS)('%s that cannot be read is no answer', async (path, ask) => {
  const fake = system();
  fake.native.mkdir(place.path, 0o755);
  fake.files.put(`${ROOT_PATH}/a`, 'directory');
  fake.files.put('/netns');
  fake.files.put('/proc/1/root', 'directory');
  const plain = fake.implementation();
  const failing = new Proxy(plain, {
    get: (target, member) => {
      const call: unknown = Reflect.get(target, member);
      return (...args: unknown[]): unknown => {
        const [first, second] = args;
        const entry =
          typeof first === 'number' ? `${fake.files.pathOf(first) ?? ''}/${String(second)}` : first;
        return entry === path ? -ENOMEM : Reflect.apply(call as () => unknown, target, args);
      };
    },
  });
  await expect(Promise.resolve().then(() => ask(failing))).rejects.toBeInstanceOf(TsrunError);
  await expect(Promise.resolve().then(() => ask(plain))).resolves.not.toBeNull();
});

describe('/proc', () => {
  /** As it is where something else is mounted on it. */
  function hidden({ fake, pid }: Scene, type: number): void {
    fake.files.remove(`/proc/${pid}/stat`);
    fake.implementation = ((whole) => () => ({
      ...whole(),
      statfsType: (path: string) => (path === '/proc' ? type : whole().statfsType(path)),
    }))(fake.implementation.bind(fake));
  }

  test.each([TMPFS_MAGIC, PROC_SUPER_MAGIC])(
    'of another kind, or of another namespace, hides no container that runs (%i)',
    async (type) => {
      const scene = await running();
      hidden(scene, type);
      const { fake, pid } = scene;
      const message = `cannot read /proc/${pid}/stat of a process that is there`;
      expect(() => state(fake.native, name)).toThrow(message);
      await expect(deleteContainer(fake.native, quiet)).rejects.toThrow(message);
      expect(list(fake.native, quiet)).toMatchObject([{ id: 'a', pid, status: 'unknown' }]);
      const process = fake.processes.get(pid);
      if (process !== undefined) fake.end(process);
      fake.processes.delete(pid);
      expect(state(fake.native, name).status).toBe('stopped');
    },
  );

  test('that shows another process of the number has to be that of our pid namespace', async () => {
    const { fake, pid } = await running();
    const stat = fake.files.get(`/proc/${pid}/stat`);
    if (stat !== undefined) stat.content = stat.content.replace(/\d+ 0 0\n$/, '1 0 0\n');
    expect(state(fake.native, name).status).toBe('stopped');
    const native = { ...fake.implementation(), readlink: () => '7' };
    expect(() => state(native, name)).toThrow('/proc is not the procfs of this pid namespace');
    await expect(create(native, options({ id: 'b' }))).rejects.toThrow(
      '/proc is not the procfs of this pid namespace',
    );
  });
});
