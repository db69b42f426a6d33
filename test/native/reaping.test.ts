/** What the library starts it reaps, whoever waits for it: a zombie keeps its container's pid namespace alive. */

import { beforeEach, expect, test } from 'vitest';

import { REPOSITORY, api, sleeper, useLibrary } from '../support/library.js';
import { COMMAND, runProgram } from '../support/tsrun.js';

const scene = useLibrary();
const { make } = scene;
let root: string;
let id: string;

beforeEach(() => {
  ({ root, id } = scene);
});

/** What the programs of these tests share. */
const PRELUDE = `
  import { createContainer, getContainer } from 'tsrun';
  import { readFileSync, readdirSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const [root, id, bundle, ...rest] = process.argv.slice(1);
  const make = async (name = id) => {
    const container = await createContainer({ root, id: name, bundle, stdio: 'ignore' });
    await container.start();
    return container;
  };
  const run = (container, args = ['true']) => container.exec({ process: { args }, stdio: 'ignore' });
  const children = (wanted) => readdirSync('/proc').filter((pid) => {
    try {
      const text = readFileSync('/proc/' + pid + '/stat', 'utf8');
      const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return Number(parent) === process.pid && (wanted === undefined || wanted === state);
    } catch {
      return false;
    }
  });
  const gone = async (pids = () => children()) => {
    for (let i = 0; i < 1000 && pids().length > 0; i++) await sleep(5);
    return pids().length === 0;
  };
`;

interface ProgramOptions {
  options?: readonly string[];
  rest?: readonly string[];
}

/** What the program prints, as JSON. */
async function program(code: string, { options = [], rest = [] }: ProgramOptions = {}) {
  const bundle = make('', sleeper).path;
  const result = await runProgram(
    [
      ...[process.execPath, ...options, '--input-type=module', '-e', PRELUDE + code],
      ...[root, id, bundle, ...rest],
    ],
    { cwd: REPOSITORY },
  );
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(result.stdout) as unknown;
}

const remove = (name = id) => runProgram([...COMMAND, '--root', root, 'delete', '--force', name]);

test('a container is deleted though nobody has waited for what exec() started', async () => {
  const said = await program(`
    const container = await make();
    await run(container);
    const begin = performance.now();
    await container.delete({ force: true });
    console.log(JSON.stringify({ fast: performance.now() - begin < 5000, left: children() }));
  `);
  expect(said).toEqual({ fast: true, left: [] });
});

test('so is one by another program, while this one does something else', async () => {
  const said = await program(
    `
    import { spawn } from 'node:child_process';
    import { once } from 'node:events';
    const container = await make();
    await run(container);
    await run(container, ['sleep', '1000']);
    const begin = performance.now();
    const [status] = await once(spawn(rest[0], rest.slice(1), { stdio: 'inherit' }), 'exit');
    const fast = performance.now() - begin < 5000;
    console.log(JSON.stringify({ status, fast, gone: await gone() }));
  `,
    { rest: [...COMMAND, '--root', root, 'delete', '--force', id] },
  );
  expect(said).toEqual({ status: 0, fast: true, gone: true });
});

test('how a process has ended is known to a wait() that comes long after', async () => {
  const said = await program(`
    const container = await make();
    const short = await run(container, ['sh', '-c', 'exit 7']);
    const long = await run(container, ['sleep', '1000']);
    const shortGone = await gone(() => children('Z'));
    await container.kill(9);
    const allGone = await gone();
    const ends = [await short.wait(), await long.wait(), await container.wait(), await short.wait()];
    await container.delete();
    console.log(JSON.stringify({ shortGone, allGone, ends }));
  `);
  const killed = { status: null, signal: 9 };
  const seven = { status: 7, signal: 0 };
  expect(said).toEqual({ shortGone: true, allGone: true, ends: [seven, killed, killed, seven] });
});

test('200 processes that nobody waits for leave no zombies, descriptors or memory', async () => {
  const said = await program(
    `
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const memory = () => { gc(); gc(); return process.memoryUsage(); };
    const container = await make();
    const some = async (count) => {
      for (let i = 0; i < count; i++) await run(container);
      return gone(() => children().filter((pid) => Number(pid) !== container.pid));
    };
    await some(60);
    const before = { descriptors: descriptors(), memory: memory() };
    const allGone = await some(200);
    const after = { descriptors: descriptors(), memory: memory() };
    await container.delete({ force: true });
    console.log(JSON.stringify({
      allGone,
      descriptors: after.descriptors - before.descriptors,
      heap: after.memory.heapUsed - before.memory.heapUsed,
      rss: after.memory.rss - before.memory.rss,
    }));
  `,
    { options: ['--expose-gc'] },
  );
  expect(said).toMatchObject({ allGone: true, descriptors: 0 });
  const { heap, rss } = said as { heap: number; rss: number };
  // 1 KB a process would be 200 KB of the heap; the rest is what the engine takes and gives.
  expect(heap).toBeLessThan(400_000);
  expect(rss).toBeLessThan(16_000_000);
});

test('objects that nobody has any more are as good', async () => {
  const said = await program(
    `
    await (async () => {
      const container = await make();
      for (let i = 0; i < 8; i++) await run(container, ['sleep', '0.2']);
    })();
    gc();
    await sleep(50);
    gc();
    const other = await getContainer(id, { root });
    const execs = await gone(() => children().filter((pid) => Number(pid) !== other.pid));
    await other.delete({ force: true });
    console.log(JSON.stringify({ execs, all: await gone() }));
  `,
    { options: ['--expose-gc'] },
  );
  expect(said).toEqual({ execs: true, all: true });
});

test('a container is deleted by another object than the one that made it', async () => {
  const said = await program(`
    const container = await make();
    const other = await getContainer(id, { root });
    await run(other);
    await other.delete({ force: true });
    console.log(JSON.stringify({ left: children(), end: await container.wait() }));
  `);
  expect(said).toEqual({ left: [], end: { status: null, signal: 9 } });
});

test('what fails leaves no zombie', async () => {
  const said = await program(`
    const container = await make();
    const codes = [];
    const fail = (promise) => promise.catch((error) => codes.push(error.code));
    await fail(run(container, ['/no/such/program']));
    await fail(make(id));
    await fail(createContainer({ root, id: id + 'x', bundle, stdio: 'ignore', consoleSocket: '/no' }));
    const spec = JSON.parse(readFileSync(bundle + '/config.json', 'utf8'));
    spec.process.args = ['/no/such/program'];
    await fail(createContainer({ root, id: id + 'x', bundle, spec, stdio: 'ignore' }));
    const left = children().filter((pid) => Number(pid) !== container.pid);
    await container.delete({ force: true });
    console.log(JSON.stringify({ codes, left }));
  `);
  expect(said).toEqual({ codes: ['ERR_EXEC', 'ERR_EXISTS', 'ERR_CONSOLE', 'ERR_EXEC'], left: [] });
});

test('what a worker thread has started is reaped when the thread is gone', async () => {
  const said = await program(`
    import { Worker } from 'node:worker_threads';
    import { once } from 'node:events';
    import { spawn } from 'node:child_process';
    const worker = new Worker(\`
      import { workerData } from 'node:worker_threads';
      import { createContainer } from 'tsrun';
      const container = await createContainer({ ...workerData, stdio: 'ignore' });
      await container.start();
      for (let i = 0; i < 3; i++) {
        await container.exec({ process: { args: ['sleep', '1000'] }, stdio: 'ignore' });
      }
    \`, { eval: true, workerData: { root, id, bundle } });
    const [status] = await once(worker, 'exit');
    const before = children().length;
    // The program's own child has ended, and stays its own.
    const own = spawn('true', { stdio: 'ignore' });
    const ownEnd = once(own, 'exit');
    const begin = performance.now();
    await (await getContainer(id, { root })).delete({ force: true });
    const fast = performance.now() - begin < 5000;
    const [ownStatus] = await ownEnd;
    console.log(JSON.stringify({ status, before, fast, ownStatus, gone: await gone() }));
  `);
  expect(said).toEqual({ status: 0, before: 4, fast: true, ownStatus: 0, gone: true });
});

test('delete names the process that holds a container, and its parent', async () => {
  const said = await program(
    `
    import { spawnSync } from 'node:child_process';
    const container = await make();
    const { pid } = await run(container, ['sleep', '1000']);
    // Held up: it can reap nothing.
    const { status, stderr } = spawnSync(rest[0], rest.slice(1), { encoding: 'utf8' });
    console.log(JSON.stringify({ status, stderr, init: container.pid, pid, self: process.pid }));
  `,
    { rest: [...COMMAND, '--root', root, 'delete', '--force', id] },
  );
  const { status, stderr, init, pid, self } = said as Record<string, unknown>;
  expect(status).toBe(1);
  expect(stderr).toBe(
    `tsrun: cannot delete container "${id}": its process ${String(init)} does not end: ` +
      `process ${String(pid)} (sleep) is a zombie that its parent ${String(self)} (node) has not reaped\n`,
  );
  // The program has ended since, and with it everything.
  expect(await remove()).toMatchObject({ status: 0 });
});

test.each(['process.exit()', 'undefined'])(
  'a program may end at the moment at which what it has started ends: %s',
  async (end) => {
    const bundle = make('', sleeper).path;
    const code = `${PRELUDE}
      const container = await make();
      await run(container, ['sleep', '1000']);
      await new Promise(setImmediate);
      process.kill(container.pid, 9);
      // All this without a turn of the event loop.
      while (children('Z').length === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      ${end};
    `;
    const result = await runProgram(
      [process.execPath, '--input-type=module', '-e', code, root, id, bundle],
      { cwd: REPOSITORY },
    );
    expect(result).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
    expect(await remove()).toMatchObject({ status: 0 });
  },
);

test('a wait keeps the program alive, and nothing else does', async () => {
  const bundle = make('', sleeper).path;
  const code = `${PRELUDE}
    const container = await make();
    await run(container, ['sleep', '1000']);
    const short = await run(container, ['sleep', '0.5']);
    short.wait().then(({ status }) => console.log('ended', status));
  `;
  const result = await runProgram(
    [process.execPath, '--input-type=module', '-e', code, root, id, bundle],
    { cwd: REPOSITORY },
  );
  expect(result).toEqual({ status: 0, signal: null, stdout: 'ended 0\n', stderr: '' });
  await (await api.getContainer(id, { root })).delete({ force: true });
});
