// Makes the file of bytecode that the executable is made from.
//
//   node scripts/bundle-executable.mjs COMPILER ENTRY DIRECTORY [TRAINING]
//
// COMPILER is native/quickjs/compile.cc, built. ENTRY exports start(), as
// src/cli/main-quickjs.ts. DIRECTORY gets the modules as JavaScript, ENTRY as
// main.js, and chunks.bin. What is loaded lazily (import()) is a module of its own.
// TRAINING, as test/fakes/training.ts, is one module in a file of its own, training.bin.
// The commit for --version is the one that dist/ was stamped with.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const [compiler, entry, directory, training] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: node scripts/bundle-executable.mjs COMPILER ENTRY DIRECTORY [TRAINING]');
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

const options = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  charset: 'utf8',
  minify: true,
  logLevel: 'warning',
  plugins: [version],
};

function compile(output, files) {
  const { status } = spawnSync(compiler, [join(directory, output), ...files], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const { metafile } = await build({
  ...options,
  entryPoints: { main: entry },
  outdir: modules,
  splitting: true,
  metafile: true,
});
const files = Object.keys(metafile.outputs).map((file) => join(root, file));
compile('chunks.bin', files.sort());

if (training !== undefined) {
  const outfile = join(directory, 'training.js');
  await build({ ...options, entryPoints: [training], outfile });
  compile('training.bin', [outfile]);
}
