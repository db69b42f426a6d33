// Layout (clang-format) and checks (clang-tidy) of the C++ sources.
//   node scripts/check-native-format.mjs [--fix]

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const database = join(root, 'native/build');

const files = ['native', 'bench/c', 'test/fuzz/native']
  .flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true })
      .filter((name) => !/^build[^/]*\//.test(name) && /\.(cc|h|c|def)$/.test(name))
      .map((name) => join(directory, name)),
  )
  .sort();

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.error?.code === 'ENOENT') {
    console.error(`${command} is not installed: scripts/setup.sh test installs it`);
    process.exit(1);
  }
  return result.status === 0;
}

if (process.argv.includes('--fix')) {
  process.exit(files.length === 0 || run('clang-format-19', ['-i', ...files]) ? 0 : 1);
}

let good = true;
if (files.length > 0) {
  good = run('clang-format-19', ['--dry-run', '-Werror', ...files]);
  if (!good) console.error('npm run format puts the layout right');
}

// clang-tidy needs to know how each file is compiled: what the build left.
if (existsSync(join(database, 'compile_commands.json'))) {
  const check = (...options) =>
    run('run-clang-tidy-19', [
      '-quiet',
      '-p',
      database,
      '-j',
      String(availableParallelism()),
      ...options,
    ]);
  good = check(`${root}/native/(parent|child|wire|quickjs|start)/.*[.]cc$`) && good;
  // Not by the analyzer: it goes through all of node-addon-api for two minutes, and takes for a
  // leak what a destructor frees.
  good = check('-checks=-clang-analyzer-*', `${root}/native/addon[.]cc$`) && good;
} else {
  console.error('no native/build/compile_commands.json: build first (npm run build:native)');
  good = false;
}
process.exit(good ? 0 : 1);
