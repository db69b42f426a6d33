/** The table of scripts/defences.mjs: it is about docs/security.md, and about the source as it is. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

import { entries } from '../../../scripts/lib/defences/table.mjs';
import { runTests } from '../../../scripts/lib/defences/tests.mjs';
import type { Defence } from '../../../scripts/lib/defences/table.mjs';
import { runProgram } from '../../support/tsrun.js';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const page = readFileSync('docs/security.md', 'utf8');

/** Rows of the table, and the files that are to show them. */
const rows = new Map(
  page
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, row = '']) => /^(\d+|[A-Z]{1,2})$/.test(row))
    .map(([, row = '', , , , shown = '']) => [
      row,
      [...shown.matchAll(/`([^`]+)`/g)].map(([, file = '']) => `test/${file}`).sort(),
    ]),
);

/** Without its defence it would remove what it finds on this machine. */
const NOT_TRIED = 'test/security/row-17-names.test.ts';

test('every row has entries, and their tests are those that the page names', () => {
  const names = [...rows.keys()];
  expect(names.slice(0, 21)).toEqual(Array.from({ length: 21 }, (_, i) => `${i + 1}`));
  const letters = names.slice(21);
  expect(letters.length).toBeGreaterThan(13);
  const ordered = [...letters].sort((a, b) => a.length - b.length || a.localeCompare(b));
  expect(letters).toEqual(ordered);
  for (const [row, shown] of rows) {
    const own = entries.filter((entry) => entry.rows.includes(row));
    const files = [...new Set(own.map((entry) => entry.test.file))].sort();
    expect({ row, files }).toEqual({ row, files: shown.filter((file) => file !== NOT_TRIED) });
  }
});

test('a test of every row that has advisories names them', () => {
  const lines = page.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  for (const [, row = '', advisories = ''] of lines.filter((cells) => rows.has(cells[1] ?? ''))) {
    const texts =
      rows
        .get(row)
        ?.map((file) => readFileSync(file, 'utf8'))
        .join('') ?? '';
    for (const advisory of advisories.match(/CVE-[\d-]+/g) ?? []) expect(texts).toContain(advisory);
  }
});

test('every rule has entries', () => {
  const section = /## Rules that follow\n([^]*?)\n## /.exec(page)?.[1] ?? '';
  const rules = [...section.matchAll(/^(\d+)\. /gm)].map(([, number = '']) => `R${number}`);
  expect(rules.length).toBeGreaterThan(0);
  const named = new Set(entries.flatMap((entry) => entry.rows));
  expect([...named].filter((row) => /^R\d/.test(row)).sort()).toEqual(rules);
});

test.each(entries)('$rows, $what: there is something to take out, and a test', (entry) => {
  for (const { file, from, to } of entry.changes) {
    expect(readFileSync(file, 'utf8').split(from).length - 1, `${file}: ${from}`).toBe(1);
    expect(to).not.toBe(from);
  }
  const { file, name, message } = entry.test;
  expect(existsSync(file), file).toBe(true);
  expect(readFileSync(file, 'utf8')).toContain(name);
  // Only of an entry whose test has to pass it says nothing.
  expect(message === undefined).toBe(entry.holds === true);
  // What a test says when it only took too long.
  expect(message?.test('Test timed out in 60000ms.') ?? false).toBe(false);
});

/** As the script does it, with the addition that no table has. */
function run(chosen: readonly Defence[], more: object[]): ReturnType<typeof runProgram> {
  const whats = JSON.stringify(chosen.map(({ what }) => what));
  const program = `
    import { runDefences } from ${JSON.stringify(join(REPOSITORY, 'scripts/lib/defences/run.mjs'))};
    import { entries } from ${JSON.stringify(join(REPOSITORY, 'scripts/lib/defences/table.mjs'))};
    const chosen = entries.filter(({ what }) => ${whats}.includes(what));
    const more = ${JSON.stringify(more)}.map((change) => ({ ...chosen[0], ...change }));
    process.exitCode = await runDefences([...chosen, ...more]);
  `;
  return runProgram([process.execPath, '--input-type=module', '-e', program]);
}

test('a defence that is taken out is noticed, and one that nobody notices is an error', async () => {
  const chosen = entries.filter(({ rows: own, build }) => own.includes('21') && build === 'none');
  const more = [
    {
      what: 'a word of a comment',
      changes: [{ file: 'src/state/id.ts', from: 'Container ids.', to: 'Ids.' }],
    },
  ];
  const { status, stdout } = await run(chosen, more);
  for (const { what } of chosen) expect(stdout).toContain(`${what}: noticed`);
  expect(stdout).toContain('a word of a comment: NOT NOTICED');
  expect(stdout).toContain(`${chosen.length} of ${chosen.length + 1} as they should be`);
  expect(status).toBe(1);
}, 120_000);

test('what fails before all tests is told, and not that there is no such test', async () => {
  const path = mkdtempSync(join(tmpdir(), 'tsrun-no-setup-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true });
  });
  for (const name of ['node_modules', 'scripts'])
    symlinkSync(join(REPOSITORY, name), join(path, name));
  const options = "{ name: 'unit', include: ['test/unit/*.test.ts'], globalSetup: './setup.mjs' }";
  writeFileSync(
    join(path, 'vitest.config.mjs'),
    `export default { test: { projects: [{ test: ${options} }] } };`,
  );
  writeFileSync(join(path, 'setup.mjs'), "export default () => { throw new Error('no disk'); };");
  mkdirSync(join(path, 'test/unit'), { recursive: true });
  const file = 'test/unit/one.test.ts';
  writeFileSync(join(path, file), "import { test } from 'vitest'; test('one', () => undefined);");
  const results = await runTests({ path }, [{ file, name: 'one' }]);
  expect(results.tests).toEqual([]);
  expect(results.errors).toEqual([expect.stringContaining('no disk')]);
}, 60_000);

function workingBelow(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
    } catch {
      return false;
    }
  });
}

test('what is interrupted leaves neither its directory nor what it has started', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-interrupted-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const script = spawn(process.execPath, [join(REPOSITORY, 'scripts/defences.mjs'), '21'], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(script, 'close');
  await expect.poll(() => workingBelow(directory), { timeout: 60_000 }).not.toEqual([]);
  script.kill('SIGTERM');
  expect(await ended).toEqual([130, null]);
  expect(workingBelow(directory)).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
}, 120_000);
