/** Files that could keep a command waiting for ever: fifos without another end. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { useScene } from '../support/scene.js';
import { runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useScene();
let directory: string;
let fifo: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-fifo-'));
  fifo = join(directory, 'fifo');
  expect((await runProgram(['mkfifo', fifo])).status).toBe(0);
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('--log is refused when nobody reads', async () => {
  expect(await scene.runtime(['--log', fifo, 'list'])).toEqual({
    status: 1,
    signal: null,
    stdout: '',
    stderr: `tsrun: cannot open log file ${fifo}: nobody reads from it, or it is a socket\n`,
  });
});

test('--log goes to a fifo that is read', async () => {
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  expect((await scene.runtime(['--log', fifo, 'state', 'nobody'])).status).toBe(1);
  const text = Buffer.alloc(4096);
  const length = readSync(reader, text);
  closeSync(reader);
  expect(text.toString('utf8', 0, length)).toMatch(
    /level=error msg="container \\"nobody\\" does not exist"\n$/,
  );
});

test('--log ends all the same when its reader takes nothing', async () => {
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  // `yes` fills the pipe and is stuck.
  const filler = spawn('sh', ['-c', `exec yes > ${fifo}`], { stdio: 'ignore' });
  const full = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  await expect
    .poll(() => runProgram(['sh', '-c', `dd if=/dev/zero of=${fifo} oflag=nonblock bs=1 count=1`]))
    .toMatchObject({ status: 1 });
  const result = await scene.runtime(['--log', fifo, 'state', 'nobody']);
  const ended = once(filler, 'exit');
  filler.kill('SIGKILL');
  await ended;
  closeSync(full);
  closeSync(reader);
  expect(result).toMatchObject({
    status: 1,
    stderr: 'tsrun: container "nobody" does not exist\n',
  });
});

test('config.json must be a file', async () => {
  const bundle = scene.bundle('true');
  rmSync(join(bundle.path, 'config.json'));
  expect((await runProgram(['mkfifo', join(bundle.path, 'config.json')])).status).toBe(0);
  const run = await scene.run(bundle);
  expect(run).toMatchObject({
    status: 1,
    stderr: `tsrun: cannot read ${bundle.path}/config.json: it is not a regular file\n`,
  });
});

test('a writer of --process that does not come, and one that is stuck, are waited for in vain', async () => {
  const container = await scene.started('exec sleep 1000');
  const exec = (file: string): Promise<Result> =>
    scene.runtime(['exec', '--process', file, container.id]);
  const stuck = join(directory, 'stuck');
  expect((await runProgram(['mkfifo', stuck])).status).toBe(0);
  const end = openSync(stuck, constants.O_RDWR);
  writeSync(end, '{"cwd":"/",');
  const [alone, waiting] = await Promise.all([exec(fifo), exec(stuck)]);
  closeSync(end);
  for (const [file, result] of [[fifo, alone] as const, [stuck, waiting] as const]) {
    expect(result).toMatchObject({
      status: 255,
      stderr: `tsrun: cannot read ${file}: its end has not come within 10 seconds\n`,
    });
  }
  await container.remove();
}, 60_000);
