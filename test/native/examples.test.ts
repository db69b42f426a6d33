/** The programs that users are shown: examples/, and those in README.md and docs/library.md. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { REPOSITORY, useLibrary } from '../support/library.js';
import { cgroupsOf } from '../support/left.js';
import { runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useLibrary();

test('examples/sandbox.mjs is short, and runs a command in a container', async () => {
  const file = join(REPOSITORY, 'examples/sandbox.mjs');
  expect(readFileSync(file, 'utf8').trimEnd().split('\n').length).toBeLessThan(20);
  const { path } = scene.make('true', (spec) => {
    if (spec.process !== undefined) spec.process.terminal = true;
  });
  const sandbox = (...args: string[]): Promise<Result> =>
    runProgram([process.execPath, file, path, ...args], { input: 'in\n' });
  const answer = await sandbox('sh', '-c', 'cat; echo $$ $(hostname); exit 9');
  expect(answer).toMatchObject({ status: 9, stdout: 'in\n1 tsrun-test\n', stderr: '' });
  const failed = await sandbox('/nope');
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain('exec: "/nope": no such file or directory');
  expect(cgroupsOf('sandbox-')).toEqual([]);
});

test.each(['README.md', 'docs/library.md'])('the program in %s runs', async (document) => {
  const text = readFileSync(join(REPOSITORY, document), 'utf8');
  const code = /```js\n(import [^`]*createContainer[^`]*)```/.exec(text)?.[1] ?? '';
  const { path } = scene.make('exit 0');
  const program = code
    .replace('/path/to/bundle', path)
    .replace(/(id: ')[a-z]+-1(')/, `$1${scene.id}$2`);
  expect(program).toContain(path);
  expect(program).toContain(scene.id);
  const file = join(scene.work, 'program.mjs');
  writeFileSync(file, program.replace("'tsrun'", `'${REPOSITORY}/dist/index.js'`));
  const result = await runProgram([process.execPath, file]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  if (document.startsWith('docs')) {
    expect(result.stdout).toMatch(/^Linux tsrun-test .*\n\{ status: 0, signal: 0 \}\n$/);
  }
  expect(cgroupsOf(scene.id)).toEqual([]);
});
