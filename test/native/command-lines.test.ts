/**
 * Both hosts print the same bytes and exit alike, for several hundred command
 * lines, good and bad. Those of the corpus that name no container are carried
 * out in a directory of the test's, the only one that can be written, with an empty /run.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { REPOSITORY } from '../support/library.js';
import { WRITTEN, commandLines } from '../unit/cli/command-lines.js';

interface Answer {
  words: string[];
  status: number;
  stdout: string;
  stderr: string;
}

/** Nothing can be written but in the directory: what the first host leaves elsewhere, the second would find. */
const ENTER = `
mount --bind . . && mount -t tmpfs none /run && mount -o remount,bind,ro / &&
cd "$PWD" && exec "$@"`;

/** What a run of the lines leaves: each answer, and the files that were written. */
function answers(host: string, directory: string, lines: readonly string[][]): unknown {
  mkdirSync(join(directory, 'run'), { recursive: true });
  const driver = join(REPOSITORY, 'test/support/command-lines.mjs');
  const output = execFileSync(
    'unshare',
    [
      ...['--mount', '--propagation', 'private', 'sh', '-c', ENTER, 'sh'],
      ...[process.execPath, driver, join(REPOSITORY, 'dist'), host],
    ],
    { cwd: directory, input: JSON.stringify(lines), encoding: 'utf8', maxBuffer: 1 << 27 },
  );
  const results = JSON.parse(withoutTimes(output)) as Omit<Answer, 'words'>[];
  const files = filesBelow(directory);
  rmSync(directory, { recursive: true });
  return { answers: results.map((answer, i) => ({ words: lines[i], ...answer })), files };
}

/** Lines of the log have the time. */
function withoutTimes(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
}

/** Names and contents. */
function filesBelow(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, name);
    files[name] = statSync(path).isDirectory()
      ? 'a directory'
      : withoutTimes(readFileSync(path, 'utf8'));
  }
  return files;
}

/**
 * The corpus with its absolute paths below a directory: what is written by hand
 * (it comes first), and a third of what is generated.
 */
function linesBelow(directory: string): string[][] {
  return commandLines
    .filter((_, i) => i < WRITTEN.length || i % 3 === 0)
    .filter((words) => !words.some((word) => word.includes('\0')))
    .map((words) => words.map((word) => word.replace(/^(--?[^=/]+=)?\//, `$1${directory}/`)));
}

test('several hundred command lines', { timeout: 240_000 }, () => {
  const work = mkdtempSync(join(tmpdir(), 'tsrun-lines-'));
  onTestFinished(() => {
    rmSync(work, { recursive: true });
  });
  const directory = join(work, 'd');
  const lines = linesBelow(directory);
  // What is open differs between this test's program and one that has just been started.
  const asks = (words: readonly string[]) => words.some((word) => word.includes('preserve-fds'));
  const most = lines.filter((words) => !asks(words));
  expect(most.length).toBeGreaterThan(500);
  expect(answers('library', directory, most)).toEqual(answers('executable', directory, most));

  // The program of the Node host in one process is what it is in processes of its own.
  const some = [...lines.filter(asks).slice(0, 12), ...most.filter((_, i) => i % 40 === 0)];
  expect(answers('node', directory, some)).toEqual(answers('executable', directory, some));
});
