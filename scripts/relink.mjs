// Builds the executable, or the addon, with other versions of the libraries that are linked into it:
//
//   npm run relink -- [--libseccomp FILE] [--libsystemd FILE] [--libcap FILE] [--libquickjs FILE]
//                     [--libc DIRECTORY] [--addon] [--build DIRECTORY] OUTPUT
//
// FILE is an archive (libseccomp.a), DIRECTORY has libc.a and the start files (crt1.o). What is not
// named is the machine's. It is an error when something that is named is not in the result.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { linkedFiles } from './package/third-party.mjs';

const root = join(import.meta.dirname, '..');

/** The variables of CMakeLists.txt. */
const VARIABLES = {
  libseccomp: 'SECCOMP_LIBRARY',
  libsystemd: 'SYSTEMD_LIBRARY',
  libcap: 'CAP_LIBRARY',
  libquickjs: 'QUICKJS_LIBRARY',
};

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  options: {
    ...Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, text])),
    ...{ libc: text, addon: { type: 'boolean' }, build: text },
  },
  allowPositionals: true,
});
const [output] = positionals;
if (positionals.length !== 1) throw new Error('one file is wanted, where the result is to be');
if (values.addon && (values.libc ?? values.libquickjs) !== undefined) {
  throw new Error('neither the C library nor QuickJS is linked into the addon');
}

const build = resolve(values.build ?? join(root, 'native/build-relinked'));
const target = values.addon ? 'tsrun' : 'tsrun-executable';
const made = values.addon ? 'Release/tsrun.node' : 'executable/tsrun';

const archives = Object.keys(VARIABLES).filter((name) => values[name] !== undefined);
const given = new Map(archives.map((name) => [name, fileOf(values[name])]));
const definitions = archives.map((name) => `--CD${VARIABLES[name]}=${given.get(name)}`);
if (values.libc !== undefined) {
  given.set('libc', fileOf(join(values.libc, 'libc.a')));
  definitions.push(`--CDTSRUN_LIBC_DIRECTORY=${dirname(given.get('libc'))}`);
}

// What the directory was configured with before is not what is asked for now.
rmSync(join(build, 'CMakeCache.txt'), { force: true });
cmake('configure', ...definitions);
cmake('compile', '--target', target);
const linked = linkedFiles(build, target);
for (const [name, file] of given) {
  if (!linked.includes(file)) throw new Error(`${name}: ${file} is not what was linked`);
}
copyFileSync(join(build, made), output);

function cmake(command, ...options) {
  const program = join(root, 'node_modules/.bin/cmake-js');
  const where = ['--out', build, '--config', 'Release'];
  execFileSync(program, [command, ...where, ...options], { cwd: root, stdio: 'inherit' });
}

function fileOf(path) {
  if (!existsSync(path)) throw new Error(`there is no ${path}`);
  return realpathSync(path);
}
