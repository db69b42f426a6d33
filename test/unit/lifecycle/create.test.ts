import { describe, expect, test } from 'vitest';

import { TsrunError } from '../../../src/errors.js';
import { create } from '../../../src/lifecycle/create.js';
import type { CreateOptions } from '../../../src/lifecycle/create.js';
import { EIO, ENOENT, EPERM } from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import type { Native } from '../../../src/native/types.js';
import { SyncPoint } from '../../../src/plan/steps.js';
import type { LaterState } from '../../../src/state/state.js';
import { loadState, readLaterLine } from '../../../src/state/store.js';
import { statusOf } from '../../../src/state/status.js';
import { made, options, ROOT, spec, system } from './scene.js';

/** What a failure must leave as it was. */
function remains(fake: FakeSystem): unknown {
  return {
    // The cache of filters outlives containers.
    paths: fake.files.paths().filter((path) => !path.includes('/@seccomp')),
    fds: [...fake.fds.keys()],
    alive: fake.alive(),
    zombies: fake.zombies(),
    units: [...fake.systemd.units.keys()],
    buses: fake.systemd.open,
  };
}

const everything = spec({
  process: { ...spec().process, cwd: '/', terminal: true },
  hooks: {
    prestart: [{ path: '/hook/prestart' }],
    createRuntime: [{ path: '/hook/createRuntime', timeout: 5 }],
    poststop: [{ path: '/hook/poststop' }],
  },
  linux: {
    namespaces: [
      { type: 'user' },
      { type: 'pid' },
      { type: 'mount' },
      { type: 'cgroup' },
      { type: 'network', path: '/netns' },
    ],
    uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    resources: { devices: [{ allow: false, access: 'rwm' }] },
  },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/data', type: 'bind', source: '/bundle', options: ['rbind'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' },
  ],
});

/** With what the cases refer to; `limit` is the memory.max of a cgroup. */
function furnished(limit = '1000000\n'): FakeSystem {
  const fake = system();
  fake.files.put('/netns');
  fake.native.mkdir('/sys/fs/cgroup/pod', 0o755);
  fake.files.put('/sys/fs/cgroup/pod/memory.max', 'file', limit).kernel = true;
  fake.calls.length = 0;
  return fake;
}

const below = spec({
  linux: { namespaces: [{ type: 'mount' }], cgroupsPath: '/pod/a' },
});

/** Its root is the caller, who owns the files of its limits. */
const ofTheCaller = spec({
  linux: {
    namespaces: [{ type: 'user' }, { type: 'pid' }, { type: 'mount' }, { type: 'cgroup' }],
    uidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 0, size: 65536 }],
  },
});

const CASES: [string, Partial<CreateOptions>][] = [
  ['a plain container', {}],
  [
    'one with everything',
    {
      spec: everything,
      consoleSocket: '/console.sock',
      pidfdSocket: '/console.sock',
      pidFile: '/pid',
      notify: true,
    },
  ],
  ['one without the cgroup', { rootless: true }],
  [
    'one with a filter of system calls and its listener',
    {
      spec: spec({
        linux: {
          ...spec().linux,
          seccomp: {
            defaultAction: 'SCMP_ACT_ALLOW',
            listenerPath: '/console.sock',
            syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
          },
        },
      }),
    },
  ],
  ['one with a cgroup below that of its limits', { spec: ofTheCaller }],
  [
    'one with a cgroup below that of its scope',
    { spec: ofTheCaller, systemdCgroup: { userBus: '/run/user/1000/bus' } },
  ],
  ['one below a cgroup with little memory', { spec: below, spareCaller: true }],
  [
    'one in a scope of systemd',
    {
      systemdCgroup: { userBus: '/run/user/1000/bus' },
      spec: spec({
        linux: {
          namespaces: [{ type: 'pid' }, { type: 'mount' }],
          cgroupsPath: 'a-b.slice:p:a',
          resources: { devices: [{ allow: false, access: 'rwm' }] },
        },
      }),
    },
  ],
];

describe.each(CASES)('%s', (_name, changes) => {
  test('waits at its gate with the status created', async () => {
    const fake = furnished();
    const created = await made(fake, changes);
    const state = loadState(fake.native, ROOT, 'a');
    expect(state).toMatchObject(created.state);
    expect(statusOf(fake.native, ROOT, state)).toBe('created');
    expect(fake.alive().map(({ pid }) => pid)).toEqual([state.pid]);
    expect([...fake.fds.values()].map(({ kind }) => kind)).toEqual(['node', 'pidfd']);
    expect(fake.zombies()).toEqual([]);
    expect(fake.files.get(`/proc/${state.pid}/oom_score_adj`)?.content).toBe('100');
    if (changes.pidFile !== undefined) {
      expect(fake.files.get(changes.pidFile)?.content).toBe(String(state.pid));
    }
  });

  test('leaves nothing, whichever call fails', async () => {
    const failed = new Set<string>();
    for (let nth = 1; ; nth++) {
      const fake = furnished();
      const before = remains(fake);
      fake.failNth(nth, EIO);
      let error: unknown;
      try {
        await create(fake.native, options(changes));
      } catch (caught) {
        error = caught;
      }
      const call = fake.calls[nth - 1];
      if (call === undefined) {
        expect(error).toBeUndefined();
        break;
      }
      // Some calls may fail, because there is another way or nothing is lost.
      if (error === undefined) continue;
      failed.add(call);
      expect(error, `${call} (${nth})`).toBeInstanceOf(TsrunError);
      expect(remains(fake), `${call} (${nth})`).toEqual(before);
    }
    for (const call of ['mkdirAt', 'mkfifoAt', 'openat', 'write', 'spawn', 'receive']) {
      expect(failed, call).toContain(call);
    }
  });

  test('leaves nothing, whichever step fails', async () => {
    const { steps } = await plan(changes);
    for (let at = 0; at < steps; at++) {
      const fake = furnished();
      const before = remains(fake);
      let index = 0;
      fake.failStep = () => (index++ === at ? { errno: EPERM } : undefined);
      await expect(create(fake.native, options(changes)), `step ${at}`).rejects.toBeInstanceOf(
        TsrunError,
      );
      expect(remains(fake), `step ${at}`).toEqual(before);
    }
  });
});

/** How many steps helpers walk until the gate, hooks included. */
async function plan(changes: Partial<CreateOptions>): Promise<{ steps: number }> {
  const fake = furnished();
  let steps = 0;
  fake.failStep = () => {
    steps++;
    return undefined;
  };
  await made(fake, changes);
  // The gate itself fails at start.
  return { steps: steps - 1 };
}

describe('where memory is limited above its cgroup', () => {
  test.each([
    ['of a program that is to be spared enters it first of all', '1000000\n', true, true],
    ['is born in it without a limit', 'max\n', true, false],
    ['of the command line is born in it', '1000000\n', false, false],
  ])('the process %s', async (_name, text, spareCaller, late) => {
    const fake = furnished(text);
    await made(fake, { spec: below, spareCaller });
    const [process] = fake.alive();
    const first = process?.request?.steps[0];
    expect(first).toMatchObject(
      late ? { op: 'sync', point: SyncPoint.cgroup } : { op: 'dumpable', on: false },
    );
    expect(process?.request?.cgroupFd === -1).toBe(late);
    expect(fake.files.get('/sys/fs/cgroup/pod/a/cgroup.procs')?.content).toContain(
      String(process?.pid),
    );
  });
});

test('hooks run in order, with a state on their input, and poststop after a failure', async () => {
  const fake = system();
  fake.files.put('/netns');
  const changes = { spec: everything, consoleSocket: '/console.sock' };
  await made(fake, changes);
  expect(fake.ran.slice(0, 2)).toEqual(['/hook/prestart', '/hook/createRuntime']);

  const failing = system();
  failing.files.put('/netns');
  failing.programs.set('/hook/createRuntime', { status: 3, signal: 0 });
  await expect(create(failing.native, options(changes))).rejects.toMatchObject({
    code: 'ERR_HOOK',
    pointer: '/hooks/createRuntime/0',
    message: '/hooks/createRuntime/0: createRuntime hook /hook/createRuntime failed: exit status 3',
  });
  expect(failing.ran.filter((path) => path.startsWith('/hook'))).toEqual([
    '/hook/prestart',
    '/hook/createRuntime',
    '/hook/poststop',
  ]);
});

test('hooks without an environment have what they are given, and nothing else', async () => {
  for (const given of [undefined, ['CALLER=yes']]) {
    const fake = system();
    const environments: [string, string[]][] = [];
    const native: Native = {
      ...fake.native,
      spawn: (request) => {
        for (const step of request.steps) {
          if (step.op === 'exec' && step.at.startsWith('/hooks/')) {
            environments.push([step.at, step.env]);
          }
        }
        return fake.native.spawn(request);
      },
    };
    const hooks = {
      createRuntime: [{ path: '/hook/absent' }, { path: '/hook/empty', env: [] }],
      poststop: [{ path: '/hook/poststop' }],
    };
    fake.programs.set('/hook/empty', { status: 1, signal: 0 });
    const hookEnvironment = given === undefined ? {} : { hookEnvironment: () => given };
    await expect(
      create(native, options({ spec: spec({ hooks }), ...hookEnvironment })),
    ).rejects.toMatchObject({ code: 'ERR_HOOK' });
    expect(environments).toEqual([
      ['/hooks/createRuntime/0', given ?? []],
      ['/hooks/createRuntime/1', []],
      ['/hooks/poststop/0', given ?? []],
    ]);
  }
});

test('an empty environment of a hook is kept apart from one that is absent', async () => {
  const fake = system();
  const poststop = [{ path: '/hook/absent' }, { path: '/hook/empty', env: [] }];
  await made(fake, { spec: spec({ hooks: { poststop } }) });
  expect(loadState(fake.native, ROOT, 'a').hooks.poststop).toEqual(poststop);
});

test('a hook that hangs is killed after its timeout', async () => {
  const fake = system();
  fake.files.put('/netns');
  fake.programs.set('/hook/createRuntime', 'hangs');
  const start = fake.now;
  await expect(
    create(fake.native, options({ spec: everything, consoleSocket: '/console.sock' })),
  ).rejects.toThrow('did not end within its timeout of 5 s');
  expect((fake.now - start) / 1e9).toBeGreaterThanOrEqual(5);
  expect(fake.alive()).toEqual([]);
  expect(fake.zombies()).toEqual([]);
});

test('poststop hooks do not run when create fails before any hook could', async () => {
  const fake = system();
  const changes = { spec: everything, consoleSocket: '/console.sock' };
  await expect(create(fake.native, options(changes))).rejects.toMatchObject({ errno: ENOENT });
  expect(fake.ran).toEqual([]);
});

test('an id in use is left alone', async () => {
  const fake = system();
  await made(fake);
  const before = remains(fake);
  await expect(create(fake.native, options())).rejects.toMatchObject({ code: 'ERR_EXISTS' });
  expect(remains(fake)).toEqual(before);
});

test('two containers are made at once', async () => {
  const fake = system();
  const [a, b] = await Promise.all([made(fake, { id: 'a' }), made(fake, { id: 'b' })]);
  expect(a.state.pid).not.toBe(b.state.pid);
  expect(a.state.cgroup?.path).toBe('/sys/fs/cgroup/a');
  expect(b.state.cgroup?.path).toBe('/sys/fs/cgroup/b');
  expect(fake.alive()).toHaveLength(2);
});

test('of two creates of one id, one wins', async () => {
  const fake = system();
  const results = await Promise.allSettled([made(fake), made(fake)]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(fake.alive()).toHaveLength(1);
});

test('a terminal needs somebody who takes it', async () => {
  const fake = system();
  const terminal = spec({ process: { args: ['x'], cwd: '/', terminal: true } });
  await expect(create(fake.native, options({ spec: terminal }))).rejects.toMatchObject({
    code: 'ERR_CONSOLE',
    pointer: '/process/terminal',
  });
  await expect(
    create(fake.native, options({ consoleSocket: '/console.sock' })),
  ).rejects.toMatchObject({ code: 'ERR_CONSOLE' });
  const { terminal: master } = await made(fake, { spec: terminal, keepTerminal: true });
  expect(fake.fds.has(master)).toBe(true);
});

test('the state keeps no environment and no arguments of later steps', async () => {
  const fake = system();
  const process = { args: ['/bin/x', 'SECRET1'], env: ['A=SECRET2'], cwd: '/' };
  const hooks = { startContainer: [{ path: '/h', args: ['h', 'SECRET3'], env: ['B=SECRET4'] }] };
  const { state } = await made(fake, { spec: spec({ process, hooks }) });
  const line = readLaterLine(fake.native, ROOT, state.id);
  const { later } = JSON.parse(line) as { later: LaterState };
  expect(JSON.stringify([state, later.lateSteps])).not.toContain('SECRET');
  expect(later.lateSteps.map(({ step }) => step.op)).toEqual(['gate', 'hook', 'exec']);
});

test.each([
  ['/sys/fs/cgroup/a', {}],
  ['/sys/fs/cgroup/system.slice/tsrun-a.scope', { systemdCgroup: { userBus: '' } }],
])('processes enter a cgroup below %s', async (path, change) => {
  const fake = furnished();
  const { state } = await made(fake, { spec: ofTheCaller, ...change });
  expect(state.cgroup).toMatchObject({ path, subgroup: 'container' });
  expect(loadState(fake.native, ROOT, 'a').cgroup).toEqual(state.cgroup);
  expect(fake.files.get(`${path}/container/cgroup.procs`)?.content).toContain(String(state.pid));
  expect(fake.files.get(`${path}/cgroup.procs`)?.content).not.toContain(String(state.pid));
});

test('a cgroup that was there loses what a failed create made in it', async () => {
  const fake = furnished();
  fake.native.mkdir('/sys/fs/cgroup/a', 0o755);
  fake.failStep = (step) => (step.op === 'pivot' ? { errno: EPERM } : undefined);
  await expect(create(fake.native, options({ spec: ofTheCaller }))).rejects.toThrow();
  expect(fake.files.get('/sys/fs/cgroup/a')).toBeDefined();
  expect(fake.files.get('/sys/fs/cgroup/a/container')).toBeUndefined();
});

test('no process is made in a cgroup that an earlier container left frozen', async () => {
  const fake = furnished();
  const left = '/sys/fs/cgroup/a/container';
  for (const path of ['/sys/fs/cgroup/a', left, `${left}/below`]) fake.native.mkdir(path, 0o755);
  fake.native.writeText(`${left}/cgroup.freeze`, '1');
  await expect(create(fake.native, options({ spec: ofTheCaller }))).rejects.toMatchObject({
    code: 'ERR_CGROUP',
    message: `container's cgroup unexpectedly frozen: ${left}`,
  });
});
