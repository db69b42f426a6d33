/** The end of what scripts/test prints: counts, and the name of whatever failed. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

import { runProgram } from '../../support/tsrun.js';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../../..');

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tsrun-parts-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true });
  });
  return path;
}

/** Runs these stages as scripts/test runs its own. */
function runParts(stages: unknown): ReturnType<typeof runProgram> {
  const program = `
    import { runParts } from ${JSON.stringify(join(REPOSITORY, 'scripts/lib/run-parts.mjs'))};
    process.exitCode = await runParts(${JSON.stringify(stages)});
  `;
  return runProgram([process.execPath, '--input-type=module', '-e', program]);
}

/** A vitest run of one file, with the reporter of scripts/test. */
function vitest(source: string, name = 'a'): { name: string; command: string[] } {
  const path = directory();
  writeFileSync(join(path, `${name}.test.mjs`), source);
  const reporter = join(REPOSITORY, 'scripts/results-reporter.mjs');
  const bin = join(REPOSITORY, 'node_modules/vitest/vitest.mjs');
  const options = ['--root', path, '--globals', '--retry', '1', '--reporter', reporter];
  return { name, command: [process.execPath, bin, 'run', ...options] };
}

const shell = (name: string, script: string): { name: string; command: string[] } => ({
  name,
  command: ['sh', '-c', script],
});

test('what failed is named before the counts, of all parts', { timeout: 60_000 }, async () => {
  const tests = vitest(
    `let tries = 0;
     test('good', () => {});
     test('bad', () => { throw new TypeError('one\\ntwo'); });
     test('at second', () => { tries += 1; if (tries === 1) throw new Error('at first'); });
     test('not here', (context) => context.skip('this machine has none'));
     describe('suite', () => { beforeAll(() => { throw new Error('no start'); }); test('x', () => {}); });`,
  );
  const { status, stdout, stderr } = await runParts([
    tests,
    shell('words', 'echo first; echo "the reason" >&2; exit 3'),
  ]);
  expect(stderr).toBe('');
  expect(status).toBe(1);
  expect(stdout).toContain('Skipped:\n  not here: this machine has none\n');
  expect(stdout.slice(stdout.lastIndexOf('\nPassed on'))).toMatch(
    new RegExp(`
Passed on the second try:
  a: a.test.mjs: at second: Error: at first

Failed:
  a: a.test.mjs: bad: TypeError: one
  a: a.test.mjs: suite: Error: no start
  words: exit status 3: (first \\| the reason|the reason \\| first)

2 passed, 3 failed, 2 skipped
$`),
  );
});

test(
  'a file that does not load, and a run that is cut off, fail',
  { timeout: 60_000 },
  async () => {
    const { status, stdout } = await runParts([
      [
        [vitest(`throw new Error('not loaded')`, 'b')],
        [shell('killed', 'kill -KILL $$')],
        [{ name: 'absent', command: ['/nonexistent/program'] }],
      ],
    ]);
    expect(status).toBe(1);
    const end = stdout.slice(stdout.indexOf('\nFailed:\n'));
    expect(end).toContain('  b: b.test.mjs: Error: not loaded\n');
    expect(end).toContain('  killed: ended by SIGKILL');
    expect(end).toContain('  absent: spawn /nonexistent/program ENOENT');
    expect(end).toMatch(/\n0 passed, 3 failed, 0 skipped\n$/);
  },
);

test('parts beside each other are printed apart, each whole', async () => {
  // Each waits for the other: neither ends unless both run.
  const path = directory();
  const meet = (own: string, other: string): string =>
    `echo ${own} 1; mkfifo ${path}/${own} 2>/dev/null
     if [ ${own} = left ]; then until [ -p ${path}/${other} ]; do :; done; echo > ${path}/${other}
     else read x < ${path}/${own}; fi; echo ${own} 2`;
  const { status, stdout } = await runParts([
    [
      [shell('l', meet('left', 'right')), shell('after', 'echo 3')],
      [shell('r', meet('right', 'left'))],
    ],
  ]);
  expect(stdout).toContain('\n== l\nleft 1\nleft 2\n(l: ');
  expect(stdout).toContain('\n== r\nright 1\nright 2\n(r: ');
  expect(stdout).toContain('\n== after\n3\n(after: ');
  expect(stdout).toMatch(/\n0 passed, 0 failed, 0 skipped\n$/);
  expect(status).toBe(0);
});

test('nothing is run after a part that the rest needs', async () => {
  const { status, stdout } = await runParts([
    { ...shell('build', 'exit 1'), needed: true },
    shell('tests', 'echo ran'),
  ]);
  expect(status).toBe(1);
  expect(stdout).not.toContain('ran');
  expect(stdout).toMatch(/\nFailed:\n {2}build: exit status 1\n\n0 passed, 1 failed, 0 skipped\n$/);
});

test('a part that hangs is ended and named, and what it left behind is not waited for', async () => {
  const { status, stdout } = await runParts([
    { ...shell('hangs', 'sleep 1000 & echo waits; wait'), minutes: 0.005 },
    // The background process holds the output open.
    shell('leaves', 'setsid sleep 10 & echo done'),
  ]);
  expect(status).toBe(1);
  expect(stdout).toContain('== leaves\ndone\n(leaves: ');
  expect(stdout).toContain('\n  hangs: took longer than 0.005 minutes: waits\n');
});
