/**
 * The binding on both hosts: one list of calls, and what comes back has to be
 * the same text. The executable's host is the one without an image.
 *
 * TSRUN_ADDON and TSRUN_PLAIN name other builds, with sanitizers.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
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

test.skipIf(!existsSync(plain))('both hosts answer alike', async () => {
  const native = createRequire(import.meta.url)(
    process.env['TSRUN_ADDON'] ?? join(build, 'Release/tsrun.node'),
  ) as Native;
  const node = await bindingChecks(native, directory());

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
  const quickjs = await runProgram([plain, join(bundle, 'chunks.bin'), directory()]);
  expect(quickjs.stderr).toBe('');
  expect(quickjs.stdout).toBe(node);
  expect(quickjs.status).toBe(0);
});
