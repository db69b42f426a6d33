/** The library leaves the Node program that uses it alone, and does not hold it up. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { beforeEach, expect, test } from 'vitest';

import { REPOSITORY, api, codeOf, sleeper, useLibrary } from '../support/library.js';
import { getDumpable, isSubreaper } from '../support/shim.js';
import { runProgram } from '../support/tsrun.js';

const { createContainer, getContainer, listContainers, loadBundle } = api;
const scene = useLibrary();
const { make } = scene;
let work: string;
let root: string;
let id: string;

beforeEach(() => {
  ({ work, root, id } = scene);
});

test('the event loop turns while a hook runs for two seconds', async () => {
  const bundle = make('true', (spec) => {
    spec.hooks = { createRuntime: [{ path: '/bin/sleep', args: ['sleep', '2'] }] };
  });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const start = performance.now();
  const container = await createContainer({ root, id, bundle: bundle.path, stdio: 'ignore' });
  const took = performance.now() - start;
  await container.start();
  await container.wait();
  await container.delete();
  delay.disable();
  expect(took).toBeGreaterThan(2000);
  // Held up, it would be for the two seconds; a busy machine takes some of them too.
  expect(delay.count).toBeGreaterThan(20);
  expect(delay.max / 1e6).toBeLessThan(1000);
});

test('containers that are made at once do not share one turn of the event loop', async () => {
  const bundle = make('true').path;
  const first = await createContainer({ root, id, bundle, stdio: 'ignore' });
  await first.delete({ force: true });
  const count = 64;
  let there = 0;
  let most = 0;
  let watching = true;
  const look = (): void => {
    const now = readdirSync(root).length;
    most = Math.max(most, now - there);
    there = now;
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  const containers = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      createContainer({ root, id: `${id}-${n.toString()}`, bundle, stdio: 'ignore' }),
    ),
  );
  watching = false;
  await Promise.all(containers.map((container) => container.delete({ force: true })));
  // A turn begins a bounded number of pieces, however fast the machine is (src/native/turns.ts).
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(count / 2);
});

test('what is given is taken as it is at the call', async () => {
  const bundle = await loadBundle(make('exit 3').path);
  const options = { root, id, bundle, stdio: [-1, -1, -1] as [number, number, number] };
  // The first of these keeps the others waiting for a turn.
  const before = listContainers({ root });
  const creating = createContainer(options);
  if (bundle.spec.process !== undefined) bundle.spec.process.args = ['no such program'];
  options.stdio[0] = 9999;
  await before;
  const container = await creating;
  await container.start();
  expect(await container.wait()).toEqual({ status: 3, signal: 0 });
  await container.delete();
});

test('relative paths lead from where the program is at the call', async () => {
  const { path } = make('exit 3');
  const before = process.cwd();
  const listing = listContainers({ root });
  process.chdir(dirname(path));
  const pidFile = `${basename(path)}/pid`;
  const options = { root, id, bundle: basename(path), stdio: 'ignore', pidFile } as const;
  const loading = loadBundle(options.bundle);
  const creating = createContainer(options);
  process.chdir(before);
  await listing;
  expect((await loading).path).toBe(path);
  const container = await creating;
  expect(readFileSync(join(path, 'pid'), 'utf8')).toBe(container.pid.toString());
  await container.start();
  expect(await container.wait()).toEqual({ status: 3, signal: 0 });
  await container.delete();
});

/** Makes containers, one after the other, in a thread. */
const MAKING = `
const { workerData: { main, root, id, bundle } } = require('node:worker_threads');
import(main).then(async ({ createContainer }) => {
  for (let i = 0; i < 6; i++) {
    const container = await createContainer({ root, id: id + '-' + i, bundle, stdio: 'ignore' });
    await container.delete({ force: true });
  }
});
`;

test('threads that lock mounts in a user namespace leave the program dumpable', async () => {
  const source = join(work, 'source');
  mkdirSync(source);
  expect((await runProgram(['mount', '-t', 'tmpfs', '-o', 'nosuid', 'x', source])).status).toBe(0);
  try {
    const { path } = make('true', (spec) => {
      spec.linux?.namespaces?.push({ type: 'user' });
      const mappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
      Object.assign(spec.linux ?? {}, { uidMappings: mappings, gidMappings: mappings });
      for (let i = 0; i < 20; i++) {
        const options = ['bind', 'suid'];
        spec.mounts?.push({ destination: `/tmp/${i.toString()}`, source, options });
      }
    });
    const main = pathToFileURL(join(REPOSITORY, 'dist/index.js')).href;
    const threads = [1, 2].map((n) => {
      const workerData = { main, root, id: `${id}-${n.toString()}`, bundle: path };
      return new Worker(MAKING, { eval: true, workerData });
    });
    const dumpable = getDumpable();
    const ends = await Promise.all(threads.map((thread) => once(thread, 'exit')));
    expect(ends).toEqual([[0], [0]]);
    expect([dumpable, getDumpable()]).toEqual([1, 1]);
  } finally {
    await runProgram(['umount', source]);
  }
});

test('delete ends though the state was removed and the process lives', async () => {
  const bundle = make('', sleeper).path;
  const container = await createContainer({ root, id, bundle, stdio: 'ignore' });
  await container.start();
  renameSync(join(root, id), join(work, 'kept'));
  await container.delete({ force: true });
  expect(isAlive(container.pid)).toBe(true);
  renameSync(join(work, 'kept'), join(root, id));
  await container.delete({ force: true });
  expect(isAlive(container.pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('the program is left alone', async () => {
  const look = (): Record<string, unknown> => ({
    cwd: process.cwd(),
    status: readFileSync('/proc/self/status', 'utf8').match(/^(Umask|Sig(Blk|Ign|Cgt)):.*$/gm),
    listeners: process.eventNames().map((name) => [name, process.listenerCount(name)]),
    dumpable: getDumpable(),
    subreaper: isSubreaper(),
    environment: { ...process.env },
    descriptors: readdirSync('/proc/self/fd').length,
  });
  const umask = process.umask(0o027);
  // The first container starts the library's thread.
  const first = await createContainer({ root, id, bundle: make('').path, stdio: 'ignore' });
  await first.delete({ force: true });
  const before = look();

  const bundle = make('', sleeper).path;
  const container = await createContainer({ root, id, bundle, stdio: 'ignore' });
  await container.start();
  const exec = await container.exec({ process: { args: ['true'] }, stdio: 'ignore' });
  await exec.wait();
  await container.kill(9);
  await container.wait();
  await container.delete();
  await codeOf(createContainer({ root, id, bundle: work }));
  expect(look()).toEqual(before);
  process.umask(umask);
});

test('children of the program stay its own', async () => {
  const children = Array.from({ length: 12 }, (_, index) => {
    const child = spawn('sh', ['-c', `read x; exit ${(index + 20).toString()}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    return { child, end: once(child, 'exit') };
  });
  const release = (from: number, to: number): void => {
    children.slice(from, to).forEach(({ child }) => child.stdin.end());
  };
  // They end while containers are made, run, waited for and deleted.
  const bundle = make('', sleeper).path;
  const creating = createContainer({ root, id, bundle, stdio: 'ignore' });
  release(0, 4);
  const container = await creating;
  await container.start();
  release(4, 8);
  await container.kill(9);
  const waiting = container.wait();
  release(8, 12);
  expect(await waiting).toEqual({ status: null, signal: 9 });
  await container.delete();
  const ends: unknown[] = await Promise.all(children.map(({ end }) => end));
  expect(ends).toEqual(children.map((_, index) => [index + 20, null]));
});

test('a program ends without its containers', async () => {
  const bundle = make('', sleeper);
  const program = `
    import { createContainer } from 'tsrun';
    const [root, id, bundle] = process.argv.slice(1);
    const container = await createContainer({ root, id, bundle, stdio: 'ignore' });
    await container.start();
    console.log(container.pid);
  `;
  const result = await runProgram(
    [process.execPath, '--input-type=module', '-e', program, root, id, bundle.path],
    { cwd: REPOSITORY },
  );
  expect(result).toMatchObject({ status: 0, stderr: '' });
  const container = await getContainer(id, { root });
  expect(container.pid.toString()).toBe(result.stdout.trim());
  expect(await container.state()).toMatchObject({ status: 'running' });
  await container.delete({ force: true });
});

test('worker threads can do it too', async () => {
  const bundle = make('exit 8');
  const program = `
    import { Worker } from 'node:worker_threads';
    const code = \`
      import { parentPort, workerData } from 'node:worker_threads';
      import { createContainer } from 'tsrun';
      const container = await createContainer(workerData);
      await container.start();
      const { status } = await container.wait();
      await container.delete();
      parentPort.postMessage(status);
    \`;
    const run = (workerData) => new Promise((resolve, reject) => {
      const worker = new Worker(code, { eval: true, workerData });
      worker.on('message', resolve).on('error', reject);
    });
    const [root, id, bundle] = process.argv.slice(1);
    const data = (n) => ({ root, id: id + n, bundle, stdio: 'ignore' });
    console.log(...(await Promise.all([run(data('a')), run(data('b'))])));
  `;
  const result = await runProgram(
    [process.execPath, '--input-type=module', '-e', program, root, id, bundle.path],
    { cwd: REPOSITORY },
  );
  expect(result).toMatchObject({ status: 0, stdout: '8 8\n', stderr: '' });
});
