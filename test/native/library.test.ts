/** The public API in a Node program, as dist/ has it. */

import { closeSync, existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';

import type { CreateContainerOptions, TraceEntry } from '../../src/index.js';
import type { Spec } from '../../src/spec/types.js';
import { api, codeOf, sleeper, useLibrary } from '../support/library.js';
import { runProgram } from '../support/tsrun.js';

const { createContainer, getContainer, listContainers, loadBundle, planContainer, features } = api;
const scene = useLibrary();
const { make } = scene;
let work: string;
let root: string;
let id: string;

const oomScoreAdj = (pid: number | 'self'): string =>
  readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8');
/** Once for all tries: what a try has done to it stays. */
const OWN_SCORE = oomScoreAdj('self');

beforeEach(() => {
  ({ work, root, id } = scene);
});

test('create, start, exec, kill, wait, state, delete', async () => {
  const bundle = make('', sleeper);
  const container = await createContainer({ root, id, bundle: bundle.path, stdio: 'ignore' });
  expect(container.id).toBe(id);
  expect(await container.state()).toMatchObject({ id, status: 'created', pid: container.pid });
  await container.start();
  expect(await container.state()).toMatchObject({ status: 'running', bundle: bundle.path });
  expect((await listContainers({ root })).map((state) => state.id)).toEqual([id]);

  const output = openSync(join(work, 'output'), 'w');
  const process = await container.exec({
    process: {
      args: ['sh', '-c', 'id -u; cat /proc/1/comm; pwd; exit 6'],
      cwd: '/tmp',
      user: { uid: 7, gid: 7 },
    },
    stdio: [-1, output, output],
  });
  expect(await process.wait()).toEqual({ status: 6, signal: 0 });
  closeSync(output);
  expect(readFileSync(join(work, 'output'), 'utf8')).toBe('7\nsleep\n/tmp\n');

  // Another object for the same container: everything but its end.
  const other = await getContainer(id, { root });
  expect(other.pid).toBe(container.pid);
  await other.kill(9);
  expect(await container.wait()).toEqual({ status: null, signal: 9 });
  expect(await container.wait()).toEqual({ status: null, signal: 9 });
  expect(await container.state()).toMatchObject({ status: 'stopped' });
  await container.delete();
  expect(existsSync(join(root, id))).toBe(false);
});

test('oomScoreAdj is not that of the program itself', async () => {
  const bundle = make('', (spec) => {
    sleeper(spec);
    if (spec.process !== undefined) spec.process.oomScoreAdj = 777;
  });
  const options = { root, id, bundle: bundle.path, stdio: 'ignore' } as const;
  const container = await createContainer(options);
  await container.start();
  expect(oomScoreAdj(container.pid)).toBe('777\n');
  for (let i = 0; i < 20; i++) {
    const process = await container.exec({
      process: { args: ['cat', '/proc/self/oom_score_adj'], cwd: '/', oomScoreAdj: 778 },
      stdio: 'ignore',
    });
    expect(await process.wait()).toEqual({ status: 0, signal: 0 });
    expect(oomScoreAdj('self')).toBe(OWN_SCORE);
  }
});

test('descriptors become the standard streams and the ones from 3 on', async () => {
  writeFileSync(join(work, 'in'), 'from outside\n');
  writeFileSync(join(work, 'extra'), 'fourth\n');
  const [input, output, error, extra] = [
    openSync(join(work, 'in'), 'r'),
    openSync(join(work, 'out'), 'w'),
    openSync(join(work, 'err'), 'w'),
    openSync(join(work, 'extra'), 'r'),
  ];
  const bundle = make('cat; cat <&3; echo to err >&2; ls /proc/self/fd | wc -l; exit 5');
  const before = readdirSync('/proc/self/fd').length;
  const container = await createContainer({
    root,
    id,
    bundle: bundle.path,
    stdio: [input, output, error],
    preserveFds: [extra],
  });
  await container.start();
  expect(await container.wait()).toEqual({ status: 5, signal: 0 });
  await container.delete();
  // 0 to 3, and the one that reads the directory.
  expect(readFileSync(join(work, 'out'), 'utf8')).toBe('from outside\nfourth\n5\n');
  expect(readFileSync(join(work, 'err'), 'utf8')).toBe('to err\n');
  // The program's own are still open, and nothing else is.
  for (const fd of [input, output, error, extra]) closeSync(fd);
  expect(readdirSync('/proc/self/fd').length).toBe(before - 4);
});

test('a loaded bundle may be changed; a plan is what create carries out', async () => {
  const config = await loadBundle(make('exit 1').path);
  if (config.spec.process !== undefined) config.spec.process.args = ['sh', '-c', 'exit 12'];
  let traced: TraceEntry[] = [];
  const container = await createContainer({
    root,
    id,
    bundle: config,
    stdio: 'ignore',
    trace: (entries) => (traced = entries),
  });
  await container.start();
  expect(await container.wait()).toEqual({ status: 12, signal: 0 });
  await container.delete({ force: true });

  const plan = await planContainer({ bundle: config, id });
  const ready = plan.steps.findIndex((step) => step.op === 'sync' && step.point === 3);
  expect(traced.map(({ step }) => step.op)).toEqual(
    plan.steps.slice(0, ready).map((step) => step.op),
  );
  const times = traced.map(({ time }) => time);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(5e9);
  expect(features()).toMatchObject({ ociVersionMin: '1.0.0', linux: { cgroup: { v2: true } } });
});

describe('errors have stable codes', () => {
  test('of create', async () => {
    const good = make('true');
    const create = (change: Partial<CreateContainerOptions>): Promise<string> =>
      codeOf(createContainer({ root, id, bundle: good.path, stdio: 'ignore', ...change }));
    const withSpec = (change: Partial<Spec>): { spec: Spec } => ({
      spec: { ...structuredClone(good.spec), ...change },
    });
    const linux = good.spec.linux ?? {};
    const user = { uid: 0, gid: 0 };
    const cases: [string, Partial<CreateContainerOptions>][] = [
      ['ERR_ID_INVALID', { id: '../x' }],
      ['ERR_BUNDLE', { bundle: join(work, 'nowhere') }],
      ['ERR_CONFIG_INVALID', withSpec({ hostname: 7 as unknown as string })],
      [
        'ERR_UNSUPPORTED',
        withSpec({ linux: { ...linux, memoryPolicy: { mode: 'MPOL_DEFAULT' } } }),
      ],
      ['ERR_EXEC', withSpec({ process: { cwd: '/', user, args: ['/nope'] } })],
      ['ERR_HOOK', withSpec({ hooks: { createRuntime: [{ path: '/bin/false' }] } })],
      ['ERR_SYSTEM', withSpec({ mounts: [{ destination: '/mnt', type: 'nofs', source: 'x' }] })],
      ['ERR_CONSOLE', withSpec({ process: { cwd: '/', user, args: ['sh'], terminal: true } })],
      ['ERR_STATE', { root: join(good.path, 'config.json/x') }],
      ['ERR_STATE', { pidFile: join(work, 'no/where') }],
    ];
    for (const [code, change] of cases) {
      expect([code, await create(change)]).toEqual([code, code]);
    }
    expect(existsSync(join(root, id))).toBe(false);
    expect(await codeOf(loadBundle(work))).toBe('ERR_BUNDLE');
  });

  test('of a container', async () => {
    const bundle = make('', sleeper).path;
    const container = await createContainer({ root, id, bundle, stdio: 'ignore' });
    expect(await codeOf(createContainer({ root, id, bundle }))).toBe('ERR_EXISTS');
    await container.start();
    expect(await codeOf(container.start())).toBe('ERR_WRONG_STATE');
    expect(await codeOf(container.delete())).toBe('ERR_WRONG_STATE');
    expect(await codeOf((await getContainer(id, { root })).wait())).toBe('ERR_WRONG_STATE');
    const exec = (process: object): Promise<string> =>
      codeOf(container.exec({ process, stdio: 'ignore' }));
    expect(await exec({ args: ['/nope'] })).toBe('ERR_EXEC');
    expect(await exec({ cwd: 'relative' })).toBe('ERR_CONFIG_INVALID');
    await container.kill(9);
    await container.wait();
    expect(await codeOf(container.kill())).toBe('ERR_NOT_RUNNING');
    expect(await exec({ args: ['true'] })).toBe('ERR_NOT_RUNNING');
    await container.delete();
    for (const gone of [
      container.start(),
      container.state(),
      container.kill(),
      container.delete(),
      getContainer(id, { root }),
    ]) {
      expect(await codeOf(gone)).toBe('ERR_NOT_FOUND');
    }
    await container.delete({ force: true });
  });
});

test.each(['inherit', 'empty', undefined] as const)('hooks with hookEnv %s', async (hookEnv) => {
  const log = join(work, 'log');
  const see = (name: string) => [
    { path: '/bin/sh', args: ['sh', '-c', `echo "${name} $TSRUN_TEST_HOOKS" >>${log}`] },
  ];
  const bundle = make('', (spec) => {
    sleeper(spec);
    spec.hooks = {
      createRuntime: see('createRuntime'),
      poststart: see('poststart'),
      poststop: see('poststop'),
    };
  });
  const options = { root, ...(hookEnv === undefined ? {} : { hookEnv }) };
  process.env['TSRUN_TEST_HOOKS'] = 'program';
  try {
    const container = await createContainer({
      ...options,
      id,
      bundle: bundle.path,
      stdio: 'ignore',
    });
    await container.start();
    await (await getContainer(id, options)).delete({ force: true });
    await container.wait();
  } finally {
    delete process.env['TSRUN_TEST_HOOKS'];
  }
  const value = hookEnv === 'inherit' ? 'program' : '';
  expect(readFileSync(log, 'utf8')).toBe(
    ['createRuntime', 'poststart', 'poststop'].map((name) => `${name} ${value}\n`).join(''),
  );
});

test('two containers are made at the same time', async () => {
  // Each waits in a hook of its create for the other.
  const fifo = join(work, 'fifo');
  await runProgram(['mkfifo', fifo]);
  const hook = (script: string) => (spec: Spec) => {
    spec.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', script], timeout: 10 }] };
  };
  const ids = [`${id}-reads`, `${id}-writes`];
  const made = [make('exit 1', hook(`read x <${fifo}`)), make('exit 2', hook(`echo x >${fifo}`))];
  const containers = await Promise.all(
    made.map((bundle, index) =>
      createContainer({ root, id: ids[index] ?? '', bundle: bundle.path, stdio: 'ignore' }),
    ),
  );
  expect((await listContainers({ root })).map((state) => [state.id, state.status])).toEqual(
    ids.map((name) => [name, 'created']),
  );
  await Promise.all(containers.map((container) => container.start()));
  const ends = await Promise.all(containers.map((container) => container.wait()));
  expect(ends.map(({ status }) => status)).toEqual([1, 2]);
  await Promise.all(containers.map((container) => container.delete()));
});

test('pause, resume, update, stats and events', async () => {
  const bundle = make('', sleeper);
  const container = await createContainer({ root, id, bundle: bundle.path, stdio: 'ignore' });
  await container.start();
  await container.pause();
  expect(await container.state()).toMatchObject({ status: 'paused' });
  await expect(container.pause()).rejects.toMatchObject({ code: 'ERR_WRONG_STATE' });
  await container.resume();
  await expect(container.resume()).rejects.toMatchObject({ code: 'ERR_WRONG_STATE' });

  await container.update({ unified: { 'cgroup.max.depth': '4' } });
  expect(await codeOf(container.update({ cpu: { realtimePeriod: 1 } }))).toBe('ERR_UNSUPPORTED');
  await expect(container.update({ unified: { 'cgroup.max.depth': 'x' } })).rejects.toMatchObject({
    code: 'ERR_CGROUP',
    pointer: '/unified/cgroup.max.depth',
  });

  const seen = [];
  for await (const { cpu, pids } of container.stats({ intervalMs: 5 })) {
    seen.push(pids.current);
    expect(cpu.usage).toBeGreaterThan(0);
    if (seen.length === 3) break;
  }
  expect(seen).toEqual([1, 1, 1]);

  const events = container.events();
  const first = events.next();
  await container.kill(9);
  expect(await first).toEqual({ value: { type: 'exit' }, done: false });
  expect(await events.next()).toEqual({ value: undefined, done: true });
  await container.wait();
  await container.delete();
});
