// Makes the file of bytecode that the executable is made from.
//
//   node scripts/bundle-executable.mjs COMPILER ENTRY DIRECTORY
//
// COMPILER is native/quickjs/compile.cc, built. ENTRY exports start(), as
// src/cli/main-quickjs.ts. DIRECTORY gets the modules as JavaScript, ENTRY as
// main.js, and chunks.bin. What is loaded lazily (import()) is a module of its own.
// The commit for --version is the one that dist/ was stamped with.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
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

const stamped = join(root, 'dist/version.js');
const version = {
  name: 'version',
  setup({ onLoad }) {
    if (!existsSync(stamped)) return;
    onLoad({ filter: /\/src\/version\.ts$/ }, () => ({
      contents: readFileSync(stamped, 'utf8'),
      loader: 'js',
    }));
  },
};

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
  plugins: [version],
});

const files = Object.keys(metafile.outputs).map((file) => join(root, file));
const { status } = spawnSync(compiler, [join(directory, 'chunks.bin'), ...files.sort()], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
