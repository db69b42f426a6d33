/** A program of a test for the executable's host. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';

const root = join(import.meta.dirname, '../..');

/**
 * Bundles and compiles `entry` of the repository.
 *
 * @param build directory of a native build
 * @param directory for what is made
 * @returns the path of the bytecode
 */
export function bundleForQuickjs(build: string, entry: string, directory: string): string {
  const bundler = join(root, 'scripts/bundle-executable.mjs');
  const command = [bundler, join(build, 'tsrun-compile'), entry, directory];
  const made = spawnSync(process.execPath, command, { encoding: 'utf8' });
  expect(made.stderr).toBe('');
  return join(directory, 'chunks.bin');
}
