/** The programs that users are shown: examples/, and those in README.md and docs/library.md. */

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

import { REPOSITORY, useLibrary } from '../support/library.js';
import { cgroupsOf } from '../support/left.js';
import { blockOf } from '../support/page.js';
import { COMMAND, runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useLibrary();

/** Every program that the two pages show, in their order. */
const PROGRAMS = ['README.md', 'docs/library.md'].flatMap((page) =>
  [...readFileSync(join(REPOSITORY, page), 'utf8').matchAll(/^```js\n([^]*?)^```$/gm)].map(
    ([, text = '']) => ({ page, text }),
  ),
);

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

/** A directory with the bundle that README.md tells a newcomer to make, and where `tsrun` can be imported. */
async function newcomer(): Promise<
  (program: readonly string[], input?: string) => Promise<Result>
> {
  const bin = join(scene.work, 'bin');
  mkdirSync(bin);
  const words = [...COMMAND, '--root', scene.root].map((word) => `'${word}'`).join(' ');
  writeFileSync(join(bin, 'tsrun'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  mkdirSync(join(scene.work, 'node_modules'));
  symlinkSync(REPOSITORY, join(scene.work, 'node_modules/tsrun'));
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const run = (program: readonly string[], input = ''): Promise<Result> =>
    runProgram(program, { cwd: scene.work, env, input });

  const commands = blockOf(join(REPOSITORY, 'README.md'), 'sh', 'tsrun spec');
  const result = await run(['sh', '-ec', commands], 'echo inside\nexit 4\n');
  expect(result.status, result.stdout + result.stderr).toBe(4);
  expect(result.stdout).toContain('inside');
  return run;
}

test('what README.md and docs/library.md show runs as it is pasted, one after the other', async () => {
  const run = await newcomer();
  const outputs: string[] = [];
  for (const { page, text } of PROGRAMS) {
    // As it is but for its container, which nobody else may have at the same time.
    const program = text.replace(/(id: ')[a-z]+-1(')/, `$1${scene.id}$2`);
    expect(program, page).toContain(scene.id);
    writeFileSync(join(scene.work, 'program.mjs'), program);
    const result = await run([process.execPath, 'program.mjs']);
    expect(result, page).toMatchObject({ status: 0, stderr: '' });
    outputs.push(result.stdout);
  }
  expect(outputs).toEqual([
    'hello from process 1\n',
    'hello from process 1\n{ status: 0, signal: 0 }\n',
    expect.stringMatching(/^\{ status: 3, signal: 0 \}\n\w+ \w+\n$/),
  ]);
  expect(cgroupsOf(scene.id)).toEqual([]);
});

test('the strict compiler of a TypeScript program takes what README.md and docs/library.md show', () => {
  mkdirSync(join(scene.work, 'node_modules'));
  symlinkSync(REPOSITORY, join(scene.work, 'node_modules/tsrun'));
  const files = PROGRAMS.map(({ text }, index) => {
    const file = join(scene.work, `program-${index.toString()}.mts`);
    writeFileSync(file, text);
    return file;
  });
  const program = ts.createProgram(files, {
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
    typeRoots: [join(REPOSITORY, 'node_modules/@types')],
  });
  const problems = ts.getPreEmitDiagnostics(program);
  expect(
    problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  ).toEqual([]);
});

test('a system container is set up as docs/system-containers.md tells it', async () => {
  const run = await newcomer();
  // As mmdebstrap treats its target, without a network.
  const stub = `#!/bin/sh
    for target; do :; done
    [ -d "$(dirname "$target")" ] || { echo "E: path leading to $target does not exist" >&2; exit 1; }
    mkdir "$target"`;
  writeFileSync(join(scene.work, 'bin/mmdebstrap'), stub, { mode: 0o755 });
  const page = blockOf(join(REPOSITORY, 'docs/system-containers.md'), 'sh', 'journalctl');
  const [before = ''] = page.split('tsrun run');
  const result = await run(['sh', '-ec', `mkdir system; cd system; ${before}`]);
  expect(result).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  expect(existsSync(join(scene.work, 'system/bundle/config.json'))).toBe(true);
  expect(existsSync(join(scene.work, 'system/bundle/rootfs'))).toBe(true);
});
