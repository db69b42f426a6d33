/**
 * Plans as objects that nobody would make, through the binding of both hosts:
 * an exception or a refusal, no crash, and nothing is left. Each host in a
 * process and a mount namespace of its own.
 *
 * TSRUN_SANITIZED=1 (scripts/test-sanitizers.sh) takes the builds with sanitizers.
 */

import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { bundleForQuickjs } from '../support/quickjs-bundle.js';
import type { Counts } from './support/plan-objects.js';

const root = join(import.meta.dirname, '../..');
const sanitized = process.env['TSRUN_SANITIZED'] === '1';
const from = join(root, sanitized ? 'native/build-asan' : 'native/build');
const addon = join(from, 'Release/tsrun.node');
const plain = join(from, 'tsrun-plain');

/** The same each time; other ones with TSRUN_FUZZ_SEED. */
const SEED = process.env['TSRUN_FUZZ_SEED'] ?? '20261129';
const RUNS = process.env['TSRUN_FUZZ_RUNS'] ?? (sanitized ? '400' : '1500');

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'tsrun-plans-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const library = (name: string): string =>
  spawnSync('c++', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim();

function run(command: readonly string[], env: Record<string, string> = {}): Counts {
  const result = spawnSync(
    'unshare',
    ['--mount', 'env', ...Object.entries(env).map((one) => one.join('=')), ...command],
    {
      encoding: 'utf8',
      timeout: 110_000,
      killSignal: 'SIGKILL',
    },
  );
  expect(result.stderr).toBe('');
  expect([result.status, result.signal]).toEqual([0, null]);
  return JSON.parse(result.stdout) as Counts;
}

/** All three happen, so that none of them is all that is tried. */
function expectAll({ thrown, refused, started }: Counts): void {
  const some = Number(RUNS) / 100;
  expect(Math.min(thrown, refused, started)).toBeGreaterThan(some);
}

const cannot = (file: string): string | undefined => {
  if (process.getuid?.() !== 0) return 'needs root, for a mount namespace';
  return existsSync(file) ? undefined : `there is no ${file}: npm run build makes it`;
};

test('on Node', async (context) => {
  const reason = cannot(addon);
  if (reason !== undefined) context.skip(reason);
  const program = join(directory(), 'plans.mjs');
  await build({
    entryPoints: [join(root, 'test/fuzz/support/plan-objects-node.ts')],
    ...{ outfile: program, bundle: true, platform: 'node', format: 'esm' },
  });
  const env: Record<string, string> = sanitized
    ? {
        LD_PRELOAD: `${library('libasan.so')}:${library('libubsan.so')}`,
        ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1:handle_segv=0',
        UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
      }
    : {};
  expectAll(run([process.execPath, program, addon, SEED, RUNS], env));
});

test('on QuickJS', (context) => {
  const reason = cannot(plain);
  if (reason !== undefined) context.skip(reason);
  const program = bundleForQuickjs(
    join(root, 'native/build'),
    'test/fuzz/support/plan-objects-quickjs.ts',
    directory(),
  );
  expectAll(run([plain, program, SEED, RUNS]));
});
