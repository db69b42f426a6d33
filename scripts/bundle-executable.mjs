// Makes the file of bytecode that the executable is made from.
//
//   node scripts/bundle-executable.mjs COMPILER ENTRY DIRECTORY
//
// COMPILER is native/quickjs/compile.cc, built. ENTRY exports start(), as
// src/cli/main-quickjs.ts. DIRECTORY gets the modules as JavaScript, ENTRY as
// main.js, and chunks.bin. What is loaded lazily (import()) is a module of its own.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const [compiler, entry, directory] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: node scripts/bundle-executable.mjs COMPILER ENTRY DIRECTORY');
  process.exit(1);
}
const root = join(import.meta.dirname, '..');
const modules = join(directory, 'modules');
rmSync(modules, { recursive: true, force: true });
mkdirSync(modules, { recursive: true });

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { main: entry },
  outdir: modules,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  charset: 'utf8',
  minify: true,
  metafile: true,
  logLevel: 'warning',
});

const files = Object.keys(metafile.outputs).map((file) => join(root, file));
const { status } = spawnSync(compiler, [join(directory, 'chunks.bin'), ...files.sort()], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
