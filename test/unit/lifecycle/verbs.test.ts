import { expect, test } from 'vitest';

import { deleteContainer } from '../../../src/lifecycle/delete.js';
import { exec } from '../../../src/lifecycle/exec.js';
import { kill } from '../../../src/lifecycle/kill.js';
import { list } from '../../../src/lifecycle/list.js';
import { ps } from '../../../src/lifecycle/ps.js';
import { start } from '../../../src/lifecycle/start.js';
import { state } from '../../../src/lifecycle/state.js';
import { EBUSY, EIO, ENOENT, SIGKILL, SIGTERM } from '../../../src/native/constants.js';
import type { FakeSystem } from '../../fakes/system.js';
import type { Native, SpawnRequest } from '../../../src/native/types.js';
import { SyncPoint } from '../../../src/plan/steps.js';
import type { Step } from '../../../src/plan/steps.js';
import { isLocked } from '../../../src/state/lock.js';
import type { LaterState } from '../../../src/state/state.js';
import { readLaterLine } from '../../../src/state/store.js';
import { ROOT, ROOT_FDS, ROOT_PATH, made, spec, system } from './scene.js';

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

async function running(fake: FakeSystem, changes = {}): Promise<number> {
  const { state: stored, pidfd } = await made(fake, changes);
  await start(fake.native, name);
  fake.native.close(pidfd);
  return stored.pid;
}

function endInit(fake: FakeSystem, pid: number): void {
  const process = fake.processes.get(pid);
  if (process !== undefined) fake.end(process);
}

test('start opens the gate and runs poststart hooks', async () => {
  const fake = system();
  const hooks = { poststart: [{ path: '/hook/poststart' }] };
  const pid = await running(fake, { spec: spec({ hooks }) });
  expect(state(fake.native, name)).toMatchObject({ status: 'running', pid, owner: 'root' });
  expect(fake.ran).toContain('/hook/poststart');
  expect(fake.files.get(`${ROOT_PATH}/a/exec.fifo`)).toBeUndefined();
  expect(fake.fds.size).toBe(ROOT_FDS);
  await expect(start(fake.native, name)).rejects.toThrow(
    'cannot start container "a": it is running already',
  );
  endInit(fake, pid);
  await expect(start(fake.native, name)).rejects.toThrow(
    'cannot start container "a": it has stopped',
  );
});

test('what is started by who made it has pipes for a gate', async () => {
  const fake = system();
  const created = await made(fake, { keepLock: true });
  expect(fake.files.paths().filter((path) => path.includes('exec.'))).toEqual([]);
  // Early, and locked: who would do something with it waits.
  expect(state(fake.native, name).status).toBe('running');
  expect(isLocked(fake.native, ROOT, 'a')).toBe(true);
  await start(fake.native, { ...name, created });
  expect(state(fake.native, name).status).toBe('running');
  expect(isLocked(fake.native, ROOT, 'a')).toBe(false);
  created.reserve?.release();
  expect([...fake.fds.keys()]).toEqual([ROOT.fd, created.pidfd]);
});

test('with a hook behind the gate it has the fifos, which show that it does not run yet', async () => {
  const fake = system();
  const hooks = { startContainer: [{ path: '/hook' }] };
  const created = await made(fake, { keepLock: true, spec: spec({ hooks }) });
  expect(created.gate).toBeUndefined();
  expect(fake.files.get(`${ROOT_PATH}/a/exec.fifo`)).toBeDefined();
  await start(fake.native, { ...name, created });
  expect(fake.files.get(`${ROOT_PATH}/a/exec.fifo`)).toBeUndefined();
});

test('a process that ended at its pipe is not started', async () => {
  const fake = system();
  const created = await made(fake, { keepLock: true });
  endInit(fake, created.state.pid);
  await expect(start(fake.native, { ...name, created })).rejects.toMatchObject({
    code: 'ERR_NOT_RUNNING',
  });
  created.reserve?.release();
  expect([...fake.fds.keys()]).toEqual([ROOT.fd, created.pidfd]);
});

test.each(['neither', 'gate'] as const)(
  'a process that dies behind the open gate has not started (it passes %s)',
  async (passes) => {
    const fake = system();
    const { pidfd } = await made(fake);
    fake.passes = passes;
    await expect(start(fake.native, name)).rejects.toMatchObject({ code: 'ERR_NOT_RUNNING' });
    expect([...fake.fds.keys()]).toEqual([ROOT.fd, pidfd]);
  },
);

test('a failing poststart hook stops the container', async () => {
  const fake = system();
  fake.programs.set('/hook', { status: 1, signal: 0 });
  const { pidfd } = await made(fake, { spec: spec({ hooks: { poststart: [{ path: '/hook' }] } }) });
  await expect(start(fake.native, name)).rejects.toMatchObject({ code: 'ERR_HOOK' });
  expect(state(fake.native, name).status).toBe('stopped');
  expect([...fake.fds.keys()]).toEqual([ROOT.fd, pidfd]);
});

test('what fails behind the gate is told by start', async () => {
  const fake = system();
  const { pidfd } = await made(fake);
  const line = readLaterLine(fake.native, name.root, name.id);
  const { later } = JSON.parse(line) as { later: LaterState };
  const last = later.lateSteps[later.lateSteps.length - 1];
  expect(last?.step.op).toBe('exec');
  fake.gateSays = `0F${last?.index ?? 0} ${ENOENT} 3 /lib/ld-\u00c3\u00a4.so\n`;
  await expect(start(fake.native, name)).rejects.toMatchObject({ code: 'ERR_EXEC', errno: ENOENT });
  await expect(start(fake.native, name)).rejects.toThrow('/lib/ld-ä.so');
  expect([...fake.fds.keys()]).toEqual([ROOT.fd, pidfd]);
});

test('a record that no step belongs to is still an error', async () => {
  const fake = system();
  await made(fake);
  for (const said of ['0Fgarbage', '0F999 2 0 x\n', '0F']) {
    fake.gateSays = said;
    await expect(start(fake.native, name)).rejects.toMatchObject({ code: 'ERR_SYSTEM' });
  }
});

test('a process that ends at the gate ends start', async () => {
  const fake = system();
  const { state: stored } = await made(fake);
  fake.gateSays = '';
  const started = start(fake.native, name);
  // Between the opening of the gate and the first word.
  endInit(fake, stored.pid);
  await expect(started).rejects.toBeDefined();
  expect(state(fake.native, name)).toMatchObject({ status: 'stopped', pid: 0 });
});

test('kill reaches the process of the container and no other', async () => {
  const fake = system();
  const pid = await running(fake);
  await kill(fake.native, { ...name, signal: SIGTERM });
  expect(fake.alive()).toHaveLength(1);
  const process = fake.processes.get(pid);
  if (process === undefined) throw new Error('no process');

  // The pid is another process's now: same pid, another start time.
  process.child = false;
  fake.end(process);
  const other = fake.addProcess({ pid, child: false });
  other.startTime += 1;
  fake.files.put(
    `/proc/${pid}/stat`,
    'file',
    (fake.files.get(`/proc/${pid}/stat`)?.content ?? '').replace(/\d+ 0 0\n$/, '99999 0 0\n'),
  );
  await expect(kill(fake.native, { ...name, signal: SIGKILL })).rejects.toMatchObject({
    code: 'ERR_NOT_RUNNING',
    message: 'cannot signal container "a": container not running',
  });
  await deleteContainer(fake.native, { ...quiet, force: true });
  expect(other.exit).toBeUndefined();
  expect(fake.fds.size).toBe(ROOT_FDS);
});

test('kill --all goes through the cgroup, and needs one', async () => {
  const fake = system();
  await running(fake);
  await kill(fake.native, { ...name, signal: SIGKILL, all: true });
  expect(fake.alive()).toEqual([]);
  await expect(kill(fake.native, { ...name, signal: 9, all: true })).rejects.toThrow(
    'cannot signal container "a": container not running',
  );

  const without = system();
  without.files.removeDirectory('/sys/fs/cgroup');
  await running(without, { rootless: true });
  await expect(kill(without.native, { ...name, signal: 15, all: true })).rejects.toMatchObject({
    code: 'ERR_UNSUPPORTED',
  });
  await kill(without.native, { ...name, signal: SIGKILL, all: true });
  expect(without.alive()).toEqual([]);
});

test('SIGKILL takes the whole cgroup where no pid namespace would', async () => {
  const fake = system();
  await running(fake, { spec: spec({ linux: { namespaces: [{ type: 'mount' }] } }) });
  const other = fake.addProcess({ pid: 4000, child: false });
  fake.cgroups.enter('/sys/fs/cgroup/a', other.pid);
  expect(await ps(fake.native, name)).toContain(4000);
  await kill(fake.native, { ...name, signal: SIGKILL });
  expect(other.exit).toMatchObject({ signal: SIGKILL });
});

test('what outlives the first process in a shared pid namespace is listed, and killed by SIGKILL', async () => {
  const fake = system();
  const pid = await running(fake, { spec: spec({ linux: { namespaces: [{ type: 'mount' }] } }) });
  const other = fake.addProcess({ pid: 4000, child: false });
  fake.cgroups.enter('/sys/fs/cgroup/a', other.pid);
  endInit(fake, pid);
  expect(await ps(fake.native, name)).toEqual([4000]);
  await expect(kill(fake.native, { ...name, signal: SIGTERM })).rejects.toThrow('not running');
  await kill(fake.native, { ...name, signal: SIGKILL });
  expect(other.exit).toMatchObject({ signal: SIGKILL });
  await expect(kill(fake.native, { ...name, signal: SIGKILL })).rejects.toThrow('not running');
  expect(await ps(fake.native, name)).toEqual([]);
});

test('delete ends a container that was never started', async () => {
  const fake = system();
  const before = fake.files.paths();
  const { state: stored } = await made(fake);
  await deleteContainer(fake.native, quiet);
  expect(fake.files.paths()).toEqual(before);
  expect(fake.processes.get(stored.pid)?.exit ?? { signal: SIGKILL }).toMatchObject({
    signal: SIGKILL,
  });
});

test('delete wants a stopped container, and takes everything', async () => {
  const fake = system();
  const before = fake.files.paths();
  const hooks = { poststop: [{ path: '/hook/bad' }, { path: '/hook/good' }] };
  fake.programs.set('/hook/bad', { status: 1, signal: 0 });
  const { state: stored } = await made(fake, { spec: spec({ hooks }) });
  await start(fake.native, name);
  await expect(deleteContainer(fake.native, quiet)).rejects.toThrow('not stopped: running');
  endInit(fake, stored.pid);
  const warnings: string[] = [];
  await deleteContainer(fake.native, { ...name, warn: (text) => warnings.push(text) });
  expect(warnings).toEqual(['/hooks/poststop/0: poststop hook /hook/bad failed: exit status 1']);
  expect(fake.ran.slice(-2)).toEqual(['/hook/bad', '/hook/good']);
  expect(fake.files.paths()).toEqual(before);
  await expect(deleteContainer(fake.native, quiet)).rejects.toMatchObject({
    code: 'ERR_NOT_FOUND',
    message: 'container "a" does not exist',
  });
  await deleteContainer(fake.native, { ...quiet, force: true });
});

test('who knows that a container has ended runs the hooks that it was made with, and removes no other', async () => {
  const fake = system();
  const hooks = { poststop: [{ path: '/own' }] };
  const { state: ended, pidfd } = await made(fake, { spec: spec({ hooks }) });
  await start(fake.native, name);
  endInit(fake, ended.pid);
  fake.native.reap(pidfd);
  const file = fake.files.get(`${ROOT_PATH}/a/state.json`);
  const own = file?.content ?? '';
  if (file !== undefined) file.content = own.replaceAll('/own', '/another');
  const other = { ...ended, created: '2026-01-01T00:00:00.000Z' };
  await deleteContainer(fake.native, { ...quiet, force: true, ended: other });
  expect(fake.files.get(`${ROOT_PATH}/a/state.json`)).toBeDefined();
  await deleteContainer(fake.native, { ...quiet, force: true, ended });
  expect(fake.files.get(`${ROOT_PATH}/a`)).toBeUndefined();
  expect(fake.ran.filter((path) => path !== '/bin/true')).toEqual(['/own']);
});

test('delete --force ends what runs', async () => {
  const fake = system();
  const before = fake.files.paths();
  await running(fake);
  await deleteContainer(fake.native, { ...quiet, force: true });
  expect(fake.alive()).toEqual([]);
  expect(fake.files.paths()).toEqual(before);
});

test('delete can be tried again, whichever call failed', async () => {
  for (let nth = 1; ; nth++) {
    const fake = system();
    const before = fake.files.paths();
    const { pidfd } = await made(fake);
    fake.native.close(pidfd);
    fake.failNth(nth, EIO);
    let failed = true;
    try {
      await deleteContainer(fake.native, { ...quiet, force: true });
      failed = false;
    } catch (error) {
      expect(error).toHaveProperty('code');
    }
    const over = fake.calls[nth - 1] === undefined;
    fake.failNth(0, 0);
    expect(fake.fds.size, String(nth)).toBe(ROOT_FDS);
    await deleteContainer(fake.native, { ...quiet, force: true });
    expect(fake.files.paths(), String(nth)).toEqual(before);
    expect(fake.alive(), String(nth)).toEqual([]);
    if (over) {
      expect(failed).toBe(false);
      return;
    }
  }
});

test('what an interrupted create left is listed as stopped and can be deleted', async () => {
  const fake = system();
  const before = fake.files.paths();
  fake.files.put(`${ROOT_PATH}/empty`, 'directory');
  fake.files.put(`${ROOT_PATH}/torn/state.json`, 'file', '{"version":');
  const warn = (): void => undefined;
  const listed = list(fake.native, { root: ROOT, warn });
  expect(listed.map(({ id, status }) => [id, status])).toEqual([
    ['empty', 'stopped'],
    ['torn', 'stopped'],
  ]);
  for (const id of ['empty', 'torn']) {
    await expect(deleteContainer(fake.native, { root: ROOT, id, warn })).rejects.toMatchObject({
      code: 'ERR_STATE',
    });
    await deleteContainer(fake.native, { root: ROOT, id, warn, force: true });
  }
  expect(fake.files.paths()).toEqual(before);
});

test('exec runs in a container that runs, in its cgroup', async () => {
  const fake = system();
  const pid = await running(fake);
  const request = { ...quiet, stdio: [-1, -1, -1] as const };
  const process = { args: ['/bin/more'], cwd: '/' };
  const executed = await exec(fake.native, { ...request, process, pidFile: '/pid' });
  expect(fake.files.get('/pid')?.content).toBe(String(executed.pid));
  expect(fake.ran).toContain('/bin/more');
  expect([...fake.fds.keys()]).toEqual([ROOT.fd, executed.pidfd]);
  fake.native.close(executed.pidfd);

  fake.native.writeText('/sys/fs/cgroup/a/cgroup.freeze', '1');
  await expect(exec(fake.native, { ...request, process })).rejects.toThrow('it is paused');
  await exec(fake.native, { ...request, process, ignorePaused: true });
  fake.native.writeText('/sys/fs/cgroup/a/cgroup.freeze', '0');
  await expect(exec(fake.native, { ...request, process, cgroup: '../b' })).rejects.toThrow('".."');
  endInit(fake, pid);
  await expect(exec(fake.native, { ...request, process })).rejects.toMatchObject({
    code: 'ERR_NOT_RUNNING',
  });
});

test('exec enters the cgroup that the processes have below that of their limits', async () => {
  const fake = system();
  const caller = [{ containerID: 0, hostID: 0, size: 65536 }];
  await running(fake, {
    spec: spec({
      linux: {
        namespaces: [{ type: 'user' }, { type: 'mount' }, { type: 'pid' }],
        uidMappings: caller,
        gidMappings: caller,
      },
    }),
  });
  const process = { args: ['/bin/more'], cwd: '/' };
  fake.programs.set('/bin/more', 'hangs');
  fake.native.mkdir('/sys/fs/cgroup/a/container/x', 0o755);
  for (const [cgroup, path] of [
    ['', '/sys/fs/cgroup/a/container'],
    ['x', '/sys/fs/cgroup/a/container/x'],
  ] as const) {
    const request = { ...quiet, stdio: [-1, -1, -1] as const, process, cgroup };
    const { pid } = await exec(fake.native, request);
    expect(fake.cgroups.members(path)).toContain(pid);
    // Not born there: the container can limit it between two calls of ours.
    expect(fake.processes.get(pid)?.request?.cgroupFd).toBe(-1);
  }
  expect(fake.cgroups.members('/sys/fs/cgroup/a')).toEqual([]);
});

/** A cgroup that takes no process, since it has a controller for those below it. */
function passingOn(fake: FakeSystem): Native {
  fake.native.writeText('/sys/fs/cgroup/a/cgroup.subtree_control', 'memory');
  return new Proxy(fake.native, {
    get: (target, name) =>
      name !== 'writeText'
        ? (Reflect.get(target, name) as unknown)
        : (path: string, text: string) =>
            path === '/sys/fs/cgroup/a/cgroup.procs' ? -EBUSY : fake.native.writeText(path, text),
  });
}

test("exec goes to the first process's cgroup when the container's takes none", async () => {
  const fake = system();
  const pid = await running(fake);
  fake.files.put(`/proc/${pid}/cgroup`, 'file', '0::/a/init\n');
  fake.native.mkdir('/sys/fs/cgroup/a/init', 0o755);
  fake.programs.set('/bin/more', 'hangs');
  const process = { args: ['/bin/more'], cwd: '/' };
  const request = { ...quiet, stdio: [-1, -1, -1] as const, process };
  const executed = await exec(passingOn(fake), request);
  expect(fake.cgroups.members('/sys/fs/cgroup/a/init')).toContain(executed.pid);
});

test("exec does not follow the first process out of the container's cgroup", async () => {
  const fake = system();
  const pid = await running(fake);
  fake.files.put(`/proc/${pid}/cgroup`, 'file', '0::/ab/elsewhere\n');
  fake.native.mkdir('/sys/fs/cgroup/ab', 0o755);
  fake.native.mkdir('/sys/fs/cgroup/ab/elsewhere', 0o755);
  const process = { args: ['/bin/more'], cwd: '/' };
  const request = { ...quiet, stdio: [-1, -1, -1] as const, process };
  await expect(exec(passingOn(fake), request)).rejects.toMatchObject({ code: 'ERR_CGROUP' });
  expect(fake.cgroups.members('/sys/fs/cgroup/ab/elsewhere')).toEqual([]);
});

test('exec is not done twice when a step fails with EBUSY', async () => {
  const fake = system();
  const pid = await running(fake);
  fake.files.put(`/proc/${pid}/cgroup`, 'file', '0::/a\n');
  const program = (step: Step): boolean => step.op === 'find' && step.file === '/bin/more';
  let tries = 0;
  fake.failStep = (step) => (program(step) && ++tries > 0 ? { errno: EBUSY } : undefined);
  const process = { args: ['/bin/more'], cwd: '/' };
  await expect(exec(fake.native, { ...quiet, stdio: [-1, -1, -1], process })).rejects.toMatchObject(
    { errno: EBUSY },
  );
  expect(tries).toBe(1);
});

test.each([
  ['its own', '/sys/fs/cgroup/a/memory.max'],
  ['the one above', '/sys/fs/cgroup/pod/memory.max'],
])('exec enters a cgroup later when the memory of %s is limited', async (_whose, limit) => {
  const fake = system();
  const cgroup = limit.replace('/memory.max', limit.includes('pod') ? '/a' : '');
  await running(fake, {
    spec: spec({
      linux: {
        namespaces: [{ type: 'mount' }, { type: 'pid' }],
        cgroupsPath: cgroup.replace('/sys/fs/cgroup', ''),
      },
    }),
  });
  const enter = async (): Promise<SpawnRequest | undefined> => {
    const { pid, pidfd } = await exec(fake.native, {
      ...quiet,
      stdio: [-1, -1, -1],
      process: { args: ['/bin/more'], cwd: '/' },
    });
    fake.native.close(pidfd);
    expect(fake.files.get(`${cgroup}/cgroup.procs`)?.content).toContain(pid.toString());
    return fake.processes.get(pid)?.request;
  };
  fake.programs.set('/bin/more', 'hangs');
  fake.files.put(limit, 'file', 'max\n');
  expect((await enter())?.steps[0]).not.toMatchObject({ point: SyncPoint.cgroup });
  fake.files.put(limit, 'file', '33554432\n');
  const late = await enter();
  expect(late?.cgroupFd).toBe(-1);
  expect(late?.steps[0]).toMatchObject({ op: 'sync', point: SyncPoint.cgroup });
  expect(fake.fds.size).toBe(ROOT_FDS);
});

test("exec is not born in a cgroup below the container's, which may limit its memory at any time", async () => {
  const fake = system();
  await running(fake);
  fake.native.mkdir('/sys/fs/cgroup/a/b', 0o755);
  fake.programs.set('/bin/more', 'hangs');
  const process = { args: ['/bin/more'], cwd: '/' };
  const request = { ...quiet, stdio: [-1, -1, -1] as const, process };
  const { pid, pidfd } = await exec(fake.native, { ...request, cgroup: 'b' });
  fake.native.close(pidfd);
  const late = fake.processes.get(pid)?.request;
  expect(late?.cgroupFd).toBe(-1);
  expect(late?.steps[0]).toMatchObject({ op: 'sync', point: SyncPoint.cgroup });
  expect(fake.files.get('/sys/fs/cgroup/a/b/cgroup.procs')?.content).toContain(String(pid));
});

test('exec leaves nothing, whichever call fails', async () => {
  for (let nth = 1; ; nth++) {
    const fake = system();
    await running(fake);
    fake.programs.set('/bin/more', 'hangs');
    const before = fake.files.paths();
    fake.failNth(nth, EIO);
    const result = await exec(fake.native, {
      ...quiet,
      stdio: [-1, -1, -1],
      process: { args: ['/bin/more'], cwd: '/', terminal: true, oomScoreAdj: 5 },
      keepTerminal: true,
      pidFile: '/pid',
    }).catch((error: unknown) => error);
    const call = fake.calls[nth - 1];
    if (call === undefined) {
      expect(result).toHaveProperty('pidfd');
      return;
    }
    if (!(result instanceof Error)) continue;
    expect(fake.files.paths(), `${call} (${nth})`).toEqual(before);
    expect(fake.fds.size, `${call} (${nth})`).toBe(ROOT_FDS);
    expect(fake.alive(), `${call} (${nth})`).toHaveLength(1);
    expect(fake.zombies(), `${call} (${nth})`).toEqual([]);
  }
});

test('ids that cannot be are refused by every command', async () => {
  const { native } = system();
  const bad = { root: ROOT, id: '../etc', warn: () => undefined, signal: 9 };
  await expect(start(native, bad)).rejects.toMatchObject({ code: 'ERR_ID_INVALID' });
  await expect(kill(native, bad)).rejects.toMatchObject({ code: 'ERR_ID_INVALID' });
  await expect(deleteContainer(native, { ...bad, force: true })).rejects.toMatchObject({
    code: 'ERR_ID_INVALID',
  });
  expect(() => state(native, bad)).toThrow('invalid container id format');
  await expect(ps(native, bad)).rejects.toThrow('invalid container id format');
});
