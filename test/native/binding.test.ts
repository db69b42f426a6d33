/**
 * The binding on both hosts: one list of calls, and what comes back has to be
 * the same text. The executable's host is the one without an image.
 *
 * TSRUN_ADDON and TSRUN_PLAIN name other builds, with sanitizers; TSRUN_VALGRIND
 * is valgrind, which then checks the one without.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import type { Native } from '../../src/native/types.js';
import { bindingChecks } from '../support/binding-checks.js';
import { runProgram } from '../support/tsrun.js';

const root = join(import.meta.dirname, '../..');
const build = join(root, 'native/build');
const plain = process.env['TSRUN_PLAIN'] ?? join(build, 'tsrun-plain');

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'tsrun-binding-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** The list of calls for the executable's host, bundled. */
function bundleChecks(): string {
  const bundle = directory();
  const made = spawnSync(
    process.execPath,
    [
      join(root, 'scripts/bundle-executable.mjs'),
      join(build, 'tsrun-compile'),
      'test/support/binding-quickjs.ts',
      bundle,
    ],
    { encoding: 'utf8' },
  );
  expect(made.stderr).toBe('');
  return join(bundle, 'chunks.bin');
}

function checksOnNode(): Promise<string> {
  const native = createRequire(import.meta.url)(
    process.env['TSRUN_ADDON'] ?? join(build, 'Release/tsrun.node'),
  ) as Native;
  return bindingChecks(native, directory());
}

test.skipIf(!existsSync(plain))('both hosts answer alike', async () => {
  const node = await checksOnNode();
  const quickjs = await runProgram([plain, bundleChecks(), directory()]);
  expect(quickjs.stderr).toBe('');
  expect(quickjs.stdout).toBe(node);
  expect(quickjs.status).toBe(0);
});

const valgrind = process.env['TSRUN_VALGRIND'];

if (valgrind !== undefined) {
  test('no wrong access and no leak is seen by valgrind', { timeout: 120_000 }, async () => {
    // It does not know mount_setattr(2), and answers that it is not implemented.
    const known = (text: string): string =>
      text.replaceAll(/^(a flag that is .*: )-(22|38)$/gm, '$1refused');
    const log = join(directory(), 'log');
    const quickjs = await runProgram([
      ...[valgrind, '--leak-check=full', '--error-exitcode=99', `--log-file=${log}`],
      ...[plain, bundleChecks(), directory()],
    ]);
    expect(quickjs.stderr).toBe('');
    expect(known(quickjs.stdout)).toBe(known(await checksOnNode()));
    const said = readFileSync(log, 'utf8');
    expect(said).toContain('All heap blocks were freed -- no leaks are possible');
    expect(said).toContain('ERROR SUMMARY: 0 errors');
    expect(quickjs.status).toBe(0);
  });
}
