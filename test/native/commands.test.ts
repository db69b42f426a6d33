/** list, ps, state, ids, and the commands' answers about what is not there. */

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { stateOf, useScene } from '../support/scene.js';
import type { StateJson } from '../support/scene.js';
import { COMMAND, makeRuntime, newId } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

test('list and state: JSON, table and ids, of containers in different states', async () => {
  expect(await scene.runtime(['list'])).toMatchObject({
    status: 0,
    stdout: 'ID          PID         STATUS      BUNDLE      CREATED     OWNER\n',
    stderr: '',
  });
  expect((await scene.runtime(['list', '-f', 'json'])).stdout.trim()).toMatch(/^(null|\[\])$/);
  expect((await scene.runtime(['list', '-q'])).stdout).toBe('');

  const running = await scene.started('exec sleep 1000');
  const stopped = newId();
  const { path } = scene.bundle('true');
  await scene.runtime(['run', '--keep', '--bundle', path, stopped]);

  const quiet = await scene.runtime(['list', '--quiet']);
  expect(quiet).toMatchObject({ status: 0, stderr: '' });
  expect(quiet.stdout.trimEnd().split('\n').sort()).toEqual([running.id, stopped].sort());

  const json = JSON.parse(
    (await scene.runtime(['list', '--format', 'json'])).stdout,
  ) as StateJson[];
  const views = [await stateOf(scene.runtime, running.id), await stateOf(scene.runtime, stopped)];
  expect(json.sort((a, b) => a.id.localeCompare(b.id))).toEqual(
    views.sort((a, b) => a.id.localeCompare(b.id)),
  );

  const table = (await scene.runtime(['list', '-f', 'table'])).stdout.trimEnd().split('\n');
  const rows = table.slice(1).map((line) => line.split(/ {2,}/));
  expect(rows.map(([id, pid, status, , , owner]) => [id, pid, status, owner]).sort()).toEqual(
    views.map(({ id, pid, status, owner }) => [id, String(pid), status, owner]).sort(),
  );
  await running.remove();
  expect((await scene.runtime(['delete', stopped])).status).toBe(0);
});

test('the JSON of list and state is as Go writes it', async () => {
  const container = await scene.started('exec sleep 1000', (spec) => {
    spec.annotations = { 'a<b>&c': 'x<>&é' };
  });
  const escaped = '"a\\u003cb\\u003e\\u0026c":"x\\u003c\\u003e\\u0026é"';
  const { stdout: listed } = await scene.runtime(['list', '-f', 'json']);
  expect(listed).toMatch(/^\[\{"ociVersion":[^\n]*\}\]\n$/);
  expect(listed).toContain(escaped);
  const { stdout: state } = await scene.runtime(['state', container.id]);
  expect(state).toContain(escaped.replace('":"', '": "'));
  const pids = await scene.runtime(['ps', '-f', 'json', container.id]);
  expect(pids.stdout).toBe(`[${container.pid.toString()}]\n`);
  const events = await scene.runtime(['events', '--stats', container.id]);
  expect(events.stdout).toMatch(/^\{"type":"stats",[^\n]*\}\n$/);
  await container.remove();
});

test('ps: pids as JSON, a table, options of ps', async () => {
  const container = await scene.started('sleep 1000 & wait');
  // Its shell has forked when the child is seen inside.
  await scene.runtime([
    ...['exec', container.id, 'sh', '-c'],
    'until grep -q sleep /proc/[0-9]*/comm; do :; done',
  ]);
  const json = await scene.runtime(['ps', '--format', 'json', container.id]);
  expect(json).toMatchObject({ status: 0, stderr: '' });
  const pids = JSON.parse(json.stdout) as number[];
  expect(pids).toHaveLength(2);
  expect(pids).toContain(container.pid);

  const table = await scene.runtime(['ps', container.id]);
  expect(table).toMatchObject({ status: 0, stderr: '' });
  const [header = '', ...lines] = table.stdout.trimEnd().split('\n');
  expect(header).toMatch(/^UID +PID +PPID /);
  expect(lines.map((line) => Number(line.trim().split(/ +/)[1])).sort()).toEqual(pids.sort());

  const chosen = await scene.runtime(['ps', container.id, '-o', 'pid,comm']);
  expect(chosen).toMatchObject({ status: 0, stderr: '' });
  expect(chosen.stdout).toMatch(/^ +PID COMMAND\n/);
  expect(chosen.stdout).toContain(' sleep\n');
  await container.remove();
});

test('ps of a stopped container is a table without processes', async () => {
  const id = newId();
  await scene.runtime(['run', '--keep', '--bundle', scene.bundle('exit 0').path, id]);
  const table = await scene.runtime(['ps', id]);
  expect(table).toMatchObject({ status: 0, stderr: '' });
  expect(table.stdout).toMatch(/^UID +PID [^\n]*\n$/);
  const json = await scene.runtime(['ps', '-f', 'json', id]);
  expect(json).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(json.stdout)).toEqual([]);
  await scene.runtime(['delete', id]);
});

/** A PATH in front of ours where ps is this script. */
function withPs(script: string): { directory: string; PATH: string } {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-ps-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, 'ps'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { directory, PATH: `${directory}:${process.env['PATH'] ?? ''}` };
}

test('ps: the program is looked up in PATH and has the environment of the caller', async () => {
  const container = await scene.started('exec sleep 1000');
  const { directory, PATH } = withPs(
    'tr "\\0" "\\n" </proc/$$/environ >"$0.env"\nexec /bin/ps "$@"',
  );
  const env = { PATH, EMPTY: '', 'WITH SPACE': 'a=b=c\nd', UMLAUT: 'ä' };
  const said = await scene.runtime(['ps', container.id], { env });
  expect(said).toMatchObject({ status: 0, stderr: '' });
  const lines = readFileSync(join(directory, 'ps.env'), 'utf8').split('\n').sort();
  const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  expect(lines).toEqual([...given.join('\n').split('\n'), ''].sort());
  await container.remove();
});

test('ps: a program that prints a line without an end is ended, and that is an error', async () => {
  const container = await scene.started('exec sleep 1000');
  const { directory, PATH } = withPs('echo $$ >"$0.pid"; echo PID CMD; exec cat /dev/zero');
  const said = await scene.runtime(['ps', container.id], { env: { PATH } });
  expect(said).toMatchObject({ status: 1, stdout: 'PID CMD\n' });
  expect(said.stderr).toMatch(
    /^tsrun: cannot take the output of ps: a line of more than \d+ bytes\n$/,
  );
  const pid = readFileSync(join(directory, 'ps.pid'), 'utf8').trim();
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  await container.remove();
});

test('ps: the lines of all other processes take no memory', async (context) => {
  if (COMMAND[0] === process.execPath) context.skip('Node takes more by itself');
  if (process.env['TSRUN_SANITIZED'] === '1') context.skip('the sanitizers map more by themselves');
  const container = await scene.started('exec sleep 1000');
  const line = `0 ${'x'.repeat(1021)}`;
  const { PATH } = withPs(
    `echo PID CMD; yes '${line}' | head -n 32768; echo ${container.pid} last; exit 0`,
  );
  const prefix = ['prlimit', `--as=${24 << 20}`, '--'];
  const said = await scene.runtime(['ps', container.id], { env: { PATH }, prefix });
  expect(said).toEqual({
    status: 0,
    signal: null,
    stdout: `PID CMD\n${container.pid} last\n`,
    stderr: '',
  });
  await container.remove();
});

test.each([['state'], ['start'], ['kill'], ['delete'], ['ps'], ['exec']])(
  '%s of an id that does not exist',
  async (command) => {
    const args = command === 'exec' ? ['nothing', 'true'] : ['nothing'];
    expect(await scene.runtime([command, ...args])).toEqual({
      status: command === 'exec' ? 255 : 1,
      signal: null,
      stdout: '',
      stderr: 'tsrun: container "nothing" does not exist\n',
    });
  },
);

test('delete --force of an id that does not exist is no failure', async () => {
  expect(await scene.runtime(['delete', '--force', 'nothing'])).toEqual({
    status: 0,
    signal: null,
    stdout: '',
    stderr: '',
  });
});

test.each(['', '.', '..', 'a/b', '../x', '/abs', 'a b', 'a\nb', 'ä', 'a$b', 'x'.repeat(1025)])(
  'the id %j is refused, and nothing is made',
  async (id) => {
    const { path } = scene.bundle('true');
    // Of its own: what is beside the root of other tests is not ours to judge.
    const above = mkdtempSync(join(tmpdir(), 'tsrun-ids-'));
    onTestFinished(() => {
      rmSync(above, { recursive: true });
    });
    const runtime = makeRuntime(join(above, 'root'));
    for (const args of [
      ['create', '--bundle', path, id],
      ['run', '--bundle', path, id],
      ['state', id],
      ['delete', '--force', id],
    ]) {
      const result = await runtime(args);
      expect(result, args.join(' ')).toMatchObject({ status: 1, stdout: '' });
      expect(result.stderr).toMatch(/^tsrun: [^\n]*\n$/);
    }
    expect(readdirSync(above).filter((name) => name !== 'root')).toEqual([]);
    expect(runtime.leftover()).toEqual([]);
  },
);

test.each(['a', 'A-b_c.d+e', '0'.repeat(64)])('the id %j is taken', async (id) => {
  const { path } = scene.bundle('true');
  expect(await scene.runtime(['run', '--bundle', path, id], QUIET)).toMatchObject({ status: 0 });
});

test('the bundle is the current directory by default, and relative paths are taken from it', async () => {
  const bundle = scene.bundle('pwd');
  const how = { cwd: bundle.path };
  expect(await scene.runtime(['run', newId()], how)).toMatchObject({ status: 0, stdout: '/\n' });
  const id = newId();
  const run = ['run', '--keep', '--pid-file', 'rel.pid', '--bundle', '.', id];
  expect(await scene.runtime(run, how)).toMatchObject({ status: 0 });
  expect(existsSync(join(bundle.path, 'rel.pid'))).toBe(true);
  expect((await stateOf(scene.runtime, id)).bundle).toBe(bundle.path);
  expect((await scene.runtime(['delete', id])).status).toBe(0);
});
