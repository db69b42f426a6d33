/** The benchmark: every row runs, what it writes is whole, and a command that fails is named. */

import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { REPOSITORY } from '../support/library.js';
import { cgroupsOf } from '../support/left.js';
import { runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const QUICK = ['--rounds', '1', '--rest', '0', '--idle', '1', '--containers', '5'];

/** Runs it in a temporary directory of its own, which must be empty afterwards. */
async function bench(...args: string[]): Promise<Result> {
  const temporary = mkdtempSync(join(tmpdir(), 'tsrun-bench-test-'));
  onTestFinished(() => {
    rmSync(temporary, { recursive: true });
  });
  const result = await runProgram(
    [process.execPath, join(REPOSITORY, 'bench/run.mjs'), ...QUICK, ...args],
    { env: { ...process.env, TMPDIR: temporary } },
  );
  // As text, which the summary of a run shows whole.
  expect(readdirSync(temporary).join(' '), result.stderr).toBe('');
  expect(cgroupsOf('bench-').join(' '), result.stderr).toBe('');
  return result;
}

test('every row', { timeout: 240_000 }, async () => {
  const out = mkdtempSync(join(tmpdir(), 'tsrun-bench-out-'));
  onTestFinished(() => {
    rmSync(out, { recursive: true });
  });
  const { status, stdout, stderr } = await bench('--out', out);
  expect(stderr).not.toContain('bench:');
  expect(status).toBe(0);

  const results = readFileSync(join(out, 'bench/RESULTS.md'), 'utf8');
  const titles = [
    'run of /bin/true, back to back',
    'peak resident memory of run, KiB',
    'the same after 0.25 s of idleness',
    'the same without a cgroup namespace, after idleness',
    'run with 40 bind mounts',
    'run with 17 device rules and a limit of huge pages',
    'create + start + kill + delete',
    ...['create', 'start', 'state', 'kill', 'delete'],
    'pages touched by the child before execve, pages',
    'exec of /bin/true in a running container',
    '1 containers created by 4 parallel callers',
    'list with 5 containers',
    'state with 5 containers',
    "run with a filter of docker's size, from the cache",
  ];
  for (const title of titles) {
    // tsrun, crun and runc, each more than nothing.
    const found = results.split('\n').find((line) => line.startsWith(`| ${title} `));
    expect(found, title).toMatch(/^\|[^|]*(\| +(?![0.]+ )[\d.]+ ){3}\|/);
    expect(stdout).toContain(title);
  }
  expect(results).toMatch(/\| library: createContainer/);
  expect(results).toMatch(/\| hosts: run/);
  for (const containers of ['one container', '8 containers at once']) {
    expect(results).toMatch(
      new RegExp(
        `\\| library: delay of the event loop, 99 %, ${containers} +\\| +[\\d.]+ (≤|\\*\\*>) 20`,
      ),
    );
  }
  // The cost of a call may come out as nothing on a busy machine.
  for (const call of ['personality', 'clone', 'getpid']) {
    expect(results).toMatch(
      new RegExp(`\\| what that filter adds to ${call}, ns +(\\| +-?[\\d.]+ ){3}\\|`),
    );
  }
  expect(results).toMatch(/\| protection of the executable/);
  expect(results).toMatch(/\| step mount proc +\| +\d+ \|/);
  expect(results).toMatch(/\| Kernel +\| +\d/);
  const plot = readFileSync(join(out, 'docs/bench.svg'), 'utf8');
  expect(plot.match(/<rect [^>]*width="[\d.]+" height="10"/g)?.length).toBeGreaterThan(30);
});

test('a command that fails is named, and nothing is left', async () => {
  const { status, stdout, stderr } = await bench('--only', 'run', '--tsrun', '/bin/false');
  expect(stderr).toMatch(/bench: \/bin\/false --root \S+ run --bundle \S+ \S+: exit status 1\n/);
  expect(stdout).toBe('');
  expect(status).toBe(1);
});

test('a row that there is not is refused', async () => {
  const { status, stderr } = await bench('--only', 'walk');
  expect(stderr).toMatch(/^--only: no row walk; the rows are run, /);
  expect(status).toBe(1);
});
