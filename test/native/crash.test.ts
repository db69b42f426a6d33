/** Whenever the runtime is killed, `delete --force` cleans up; and commands that come at the same time. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Container, StateView } from '../../src/index.js';
import { REPOSITORY, api, codeOf, sleeper, useLibrary } from '../support/library.js';
import { cgroupsOf, leftOf } from '../support/left.js';
import { COMMAND, runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const { createContainer, getContainer, listContainers } = api;
const scene = useLibrary();
let root: string;
let id: string;

beforeEach(() => {
  ({ root, id } = scene);
});

const tsrun = (...args: string[]): Promise<Result> =>
  runProgram([...COMMAND, '--root', root, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

/** A command that is killed in front of its call of that number, at none with -1. */
function crash(
  name: string,
  bundle: string,
  call: number,
  command: 'create' | 'start' | 'exec' | 'delete',
): Promise<Result> {
  return runProgram([
    ...[process.execPath, join(REPOSITORY, 'test/support/crash.mjs'), join(REPOSITORY, 'dist')],
    ...[root, name, bundle, call.toString(), command],
  ]);
}

describe('a create that is killed', () => {
  test('at any of its calls', async () => {
    const { path } = scene.make('', (spec) => {
      sleeper(spec);
      const hook = { path: '/bin/true' };
      spec.hooks = { createRuntime: [hook], createContainer: [hook] };
    });
    const whole = await crash(id, path, -1, 'create');
    const calls = Number(whole.stdout);
    expect(calls, whole.stderr).toBeGreaterThan(20);
    expect((await tsrun('delete', '--force', id)).stderr).toBe('');

    const wrong: string[] = [];
    const one = async (call: number): Promise<void> => {
      const name = `${id}-${call.toString()}`;
      expect(await crash(name, path, call, 'create')).toMatchObject({
        signal: 'SIGKILL',
        stderr: '',
      });
      const found = await getContainer(name, { root }).catch((error: unknown) => error);
      if (found instanceof api.Container) {
        wrong.push(...(await lies(found)).map((text) => `${call.toString()}: ${text}`));
        expect(await codeOf(createContainer({ root, id: name, bundle: path }))).toBe('ERR_EXISTS');
        await found.delete({ force: true });
      } else {
        expect(found).toMatchObject({ code: 'ERR_NOT_FOUND' });
      }
      const left = leftOf({ id: name, root: join(root, name), bundle: join(path, name) });
      if (existsSync(join(root, name))) left.push('state directory');
      wrong.push(...left.map((line) => `${call.toString()}: ${line}`));
    };
    const numbers = Array.from({ length: calls }, (_, index) => index + 1);
    const worker = async (): Promise<void> => {
      for (let call = numbers.shift(); call !== undefined; call = numbers.shift()) await one(call);
    };
    await Promise.all([worker(), worker(), worker()]);
    expect(wrong).toEqual([]);
    expect(leftOf({ id, root, bundle: path })).toEqual([]);
  });

  /** It is stopped, or what it says about its process is true; or it says that it is broken. */
  async function lies(container: Container): Promise<string[]> {
    const state = await container.state().catch((error: unknown) => error);
    if (state instanceof api.TsrunError) return state.code === 'ERR_STATE' ? [] : [state.code];
    const { status, pid } = state as StateView;
    const alive = existsSync(`/proc/${pid.toString()}/root/bin`);
    if (status === 'stopped' || (status === 'created' && alive)) return [];
    // The last moments of a process whose parent has gone: it has let go of its root already.
    const stopped = expect.poll(async () => (await container.state()).status, { timeout: 5000 });
    return await stopped.toBe('stopped').then(
      () => [],
      () => [status],
    );
  }
});

describe.each(['start', 'exec', 'delete'] as const)('%s that is killed', (command) => {
  test('at any of its calls', { timeout: 120_000 }, async () => {
    const { path } = scene.make('', (spec) => {
      sleeper(spec);
      const hook = { path: '/bin/true' };
      spec.hooks = { startContainer: [hook], poststart: [hook], poststop: [hook] };
    });
    const prepare = async (name: string): Promise<Container> => {
      const container = await createContainer({ root, id: name, bundle: path, stdio: 'ignore' });
      if (command !== 'start') await container.start();
      return container;
    };
    await prepare(id);
    const whole = await crash(id, path, -1, command);
    const calls = Number(whole.stdout);
    expect(calls, whole.stderr).toBeGreaterThan(2);
    expect((await tsrun('delete', '--force', id)).stderr).toBe('');

    const wrong: string[] = [];
    let killed = 0;
    const one = async (call: number): Promise<void> => {
      const name = `${id}-${command}-${call.toString()}`;
      const container = await prepare(name);
      const { pid } = await container.state();
      const ended = await crash(name, path, call, command);
      expect(ended.stderr).toBe('');
      // What has to be tried again makes the number of calls another one.
      if (ended.signal === 'SIGKILL') killed++;
      else expect(ended.status).toBe(0);
      if (command !== 'delete') {
        const { status } = await container.state();
        const alive = existsSync(`/proc/${pid.toString()}/root/bin`);
        const told = status === 'stopped' ? !alive : alive;
        if (!told && status !== 'stopped') wrong.push(`${call.toString()}: ${status}`);
        if (command === 'exec') {
          expect(status).toBe('running');
          // Nobody holds the container up.
          expect(await tsrun('exec', name, 'true')).toMatchObject({ status: 0, stderr: '' });
        }
      }
      expect(await tsrun('delete', '--force', name)).toMatchObject({ status: 0, stderr: '' });
      const left = leftOf({ id: name, root: join(root, name), bundle: join(path, name) });
      if (existsSync(join(root, name))) left.push('state directory');
      if (existsSync(`/proc/${pid.toString()}/root/bin`)) left.push('process');
      wrong.push(...left.map((line) => `${call.toString()}: ${line}`));
    };
    const numbers = Array.from({ length: calls }, (_, index) => index + 1);
    const worker = async (): Promise<void> => {
      for (let call = numbers.shift(); call !== undefined; call = numbers.shift()) await one(call);
    };
    await Promise.all([worker(), worker(), worker()]);
    expect(killed).toBeGreaterThan(calls / 2);
    expect(wrong).toEqual([]);
  });
});

test('a create that is killed in a hook inside of the container', async () => {
  // The helper waits for the hook and cannot see that its parent has gone.
  const { path } = scene.make('', (spec) => {
    sleeper(spec);
    spec.hooks = {
      createContainer: [
        { path: '/bin/sh', args: ['sh', '-c', `echo >${root}/fifo; exec sleep 1000`] },
      ],
    };
  });
  mkdirSync(root);
  await runProgram(['mkfifo', join(root, 'fifo')]);
  const args = [...COMMAND.slice(1), '--root', root, 'create', '--bundle', path, id];
  const runtime = spawn(COMMAND[0] ?? '', args, { stdio: 'ignore' });
  const ended = once(runtime, 'exit');
  await runProgram(['cat', join(root, 'fifo')]);
  rmSync(join(root, 'fifo'));
  runtime.kill('SIGKILL');
  await ended;
  expect((await listContainers({ root })).map(({ status }) => status)).toEqual(['stopped']);
  expect(await tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
  expect(leftOf({ id, root, bundle: path })).toEqual([]);
});

describe('a state that is not what it was', () => {
  interface State {
    pid: number;
    startTime: number;
    phase: string;
  }
  const file = (): string => join(root, id, 'state.json');
  const lines = (): string[] => readFileSync(file(), 'utf8').trimEnd().split('\n');
  const read = (): State =>
    Object.assign({}, ...lines().map((line) => JSON.parse(line) as object)) as State;

  test('with a pid that another process has got is stopped, and nobody is signalled', async () => {
    const { path } = scene.make('', sleeper);
    const container = await createContainer({ root, id, bundle: path, stdio: 'ignore' });
    await container.start();
    await container.kill(9);
    await container.wait();
    const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
    await once(bystander, 'spawn');
    // The container began earlier: start times have a resolution of 10 ms.
    const startTime = read().startTime - 100;
    writeFileSync(file(), JSON.stringify({ ...read(), pid: bystander.pid, startTime }));

    expect(JSON.parse((await tsrun('state', id)).stdout)).toMatchObject({
      status: 'stopped',
      pid: 0,
    });
    expect((await tsrun('kill', id, 'KILL')).stderr).toBe(
      `tsrun: cannot signal container "${id}": container not running\n`,
    );
    expect((await tsrun('exec', id, 'true')).status).toBe(255);
    expect(await tsrun('delete', '--force', id)).toMatchObject({ status: 0, stderr: '' });
    expect(bystander.exitCode).toBeNull();
    expect(readFileSync(`/proc/${String(bystander.pid)}/stat`, 'utf8')).toMatch(/\) S /);
    const ended = once(bystander, 'exit');
    bystander.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
  });

  test.each([
    ['without a second line', ''],
    ['torn', '{"version":'],
    ['about another container', '{"version":2,"id":"other","pid":1,"namespaces":0}'],
    ['not an object', '[]'],
  ])('%s is an error for every command, and force removes it', async (_, text) => {
    const { path } = scene.make('', sleeper);
    const container = await createContainer({ root, id, bundle: path, stdio: 'ignore' });
    await container.kill(9);
    await container.wait();
    const cgroups = cgroupsOf(id);
    // The first line has the cgroup, and is written before that is made.
    writeFileSync(file(), `${lines()[0] ?? ''}\n${text}`);
    for (const promise of [
      container.start(),
      container.state(),
      container.kill(),
      container.delete(),
    ]) {
      expect(await codeOf(promise)).toBe('ERR_STATE');
    }
    expect(await listContainers({ root })).toMatchObject([{ id, pid: 0, status: 'stopped' }]);
    await container.delete({ force: true });
    expect(cgroups).toHaveLength(1);
    expect(leftOf({ id, root, bundle: path })).toEqual([]);
  });
});

describe('a running container whose state is damaged', () => {
  const file = (): string => join(root, id, 'state.json');
  /** The container, and what is left in its state. */
  const damaged = async (change: (lines: string[]) => string): Promise<number> => {
    const { path } = scene.make('', (spec) => {
      sleeper(spec);
      // Nothing else ends its other processes with the first.
      const { linux } = spec;
      if (linux === undefined) return;
      linux.namespaces = linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
    });
    const container = await createContainer({ root, id, bundle: path, stdio: 'ignore' });
    await container.start();
    const { pid } = await container.state();
    writeFileSync(file(), change(readFileSync(file(), 'utf8').trimEnd().split('\n')));
    return pid;
  };
  const isGone = (pid: number): boolean => !existsSync(`/proc/${pid.toString()}/root/bin`);

  test.each<[string, (lines: string[]) => string]>([
    ['loses the line of its process', (lines) => `${lines.slice(0, -1).join('\n')}\n`],
    ['is cut off in that line', (lines) => lines.join('\n').slice(0, -20)],
    ['has garbage in each line', (lines) => lines.map((line) => `#${line}`).join('\n')],
    ['keeps the process alone', (lines) => `${lines.at(-1) ?? ''}\n`],
  ])('%s: force ends it and removes its cgroup', async (_, change) => {
    const pid = await damaged(change);
    // With nothing but the process there is no saying whose a cgroup of that name is.
    const deleted = await tsrun('delete', '--force', id);
    expect(deleted).toMatchObject({ status: 0, stderr: '' });
    expect(isGone(pid)).toBe(true);
    expect(existsSync(join(root, id))).toBe(false);
    for (const path of cgroupsOf(id)) rmdirSync(path);
  });

  test('says nothing any more: force tells what is left', async () => {
    const pid = await damaged(() => 'garbage');
    const [cgroup = ''] = cgroupsOf(id);
    const { status, stderr } = await tsrun('delete', '--force', id);
    expect(status).toBe(0);
    expect(stderr).toBe(
      `tsrun: warning: the state of container "${id}" is damaged: cgroup ${cgroup}, which may ` +
        `have been its own, is left with 1 process(es): ${pid.toString()}\n`,
    );
    writeFileSync(join(cgroup, 'cgroup.kill'), '1');
    await expect.poll(() => readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')).toBe('');
    rmdirSync(cgroup);
  });
});

test('of parallel commands each one does its work whole or says why not', async () => {
  const { path } = scene.make('', sleeper);
  for (let round = 0; round < 8; round++) {
    const creates = await Promise.allSettled(
      Array.from({ length: 4 }, () => createContainer({ root, id, bundle: path, stdio: 'ignore' })),
    );
    const made = creates.filter((result) => result.status === 'fulfilled');
    const container = made[0]?.value;
    if (container === undefined) throw new Error('nobody got the id');
    expect(made).toHaveLength(1);

    const commands = [
      container.start(),
      container.start(),
      container.kill(9),
      container.delete({ force: true }),
      container.state(),
      container.delete({ force: round % 2 === 0 }),
      listContainers({ root }),
    ];
    const results = await Promise.allSettled(commands);
    const codes = results.map((result) =>
      result.status === 'fulfilled' ? 'done' : (result.reason as { code: unknown }).code,
    );
    for (const code of codes) {
      expect(['done', 'ERR_NOT_FOUND', 'ERR_NOT_RUNNING', 'ERR_WRONG_STATE']).toContain(code);
    }
    expect(codes[3]).toBe('done');
    expect(leftOf({ id, root, bundle: path })).toEqual([]);
  }
});

test('parallel processes: one create gets the id, one start opens the gate', async () => {
  const { path } = scene.make('', sleeper);
  const create = (): Promise<Result> =>
    runProgram([...COMMAND, '--root', root, 'create', '--bundle', path, id], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
  const created = await Promise.all([create(), create(), create()]);
  expect(created.map(({ status }) => status).sort()).toEqual([0, 1, 1]);
  const started = await Promise.all([tsrun('start', id), tsrun('start', id), tsrun('start', id)]);
  expect(started.map(({ status }) => status).sort()).toEqual([0, 1, 1]);
  const errors = started.map(({ stderr }) => stderr).filter((text) => text !== '');
  for (const text of errors)
    expect(text).toBe(`tsrun: cannot start container "${id}": it is running already\n`);
  const ends = [
    tsrun('kill', id, 'KILL'),
    tsrun('delete', '--force', id),
    tsrun('delete', '--force', id),
  ];
  const [, ...deleted] = await Promise.all(ends);
  expect(deleted).toMatchObject([
    { status: 0, stderr: '' },
    { status: 0, stderr: '' },
  ]);
  expect(leftOf({ id, root, bundle: path })).toEqual([]);
});
