// Makes the packages for Debian and npm of what is built: npm run package builds first.
//
//   node scripts/package.mjs [--only debian|npm] [--twice] [DIRECTORY]
//
// into DIRECTORY, dist/packages by default. With --twice all is compiled once more, in
// a fresh clone elsewhere and for somebody else, and what comes out there has to be the same.
//
// The same commit gives the same bytes, in whatever directory and at whatever
// time: every file has the time of the commit, or SOURCE_DATE_EPOCH.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { requireOwnStart } from './lib/start.mjs';
import { makeDebianPackage } from './package/debian.mjs';
import { makeNpmPackages } from './package/npm.mjs';

const root = join(import.meta.dirname, '..');
const MAKERS = { debian: makeDebianPackage, npm: makeNpmPackages };

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' }, twice: { type: 'boolean' } },
  allowPositionals: true,
});
const kinds = values.only === undefined ? Object.keys(MAKERS) : [values.only];
for (const kind of kinds) {
  if (!Object.hasOwn(MAKERS, kind)) throw new Error(`no kind of package: ${kind}`);
}
requireOwnStart(join(root, 'native/build'), join(root, 'dist/tsrun'), process.arch);
const output = resolve(positionals[0] ?? join(root, 'dist/packages'));
process.umask(0o022);
mkdirSync(output, { recursive: true });

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const cli = {
  ...(await import(join(root, 'dist/cli/table.js'))),
  ...(await import(join(root, 'dist/cli/texts.js'))),
};
const job = { root, output, version, epoch: epoch(), cli };
/** Another time zone and language, and no compiler's work of before. */
const ELSEWHERE = {
  ...process.env,
  TZ: 'Pacific/Kiritimati',
  LC_ALL: process.env.LC_ALL === 'C' ? 'C.UTF-8' : 'C',
  CCACHE_DISABLE: '1',
};
/** By the name of the package. */
const sums = new Map();
const work = mkdtempSync(join(tmpdir(), 'tsrun-package-'));
try {
  for (const kind of kinds) {
    for (const file of [MAKERS[kind](job, join(work, kind))].flat()) {
      const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
      console.log(`${sum}  ${file}`);
      sums.set(basename(file), sum);
    }
  }
  if (values.twice) compareWithClone(join(work, 'clone'));
} finally {
  rmSync(work, { recursive: true });
}

/** Its modules are those of this checkout: they are what package-lock.json says. */
function compareWithClone(clone) {
  const run = (cwd, command, ...args) =>
    execFileSync(command, args, {
      cwd,
      env: ELSEWHERE,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  process.umask(0o077);
  run(root, 'git', 'clone', '--quiet', root, clone);
  copyChanges(run, clone);
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  run(clone, 'npm', 'run', 'build');
  const only = values.only === undefined ? [] : ['--only', values.only];
  const made = run(clone, process.execPath, 'scripts/package.mjs', ...only);
  const others = new Map(
    made
      .trimEnd()
      .split('\n')
      .map((line) => line.split('  '))
      .map(([sum, file]) => [basename(file), sum]),
  );
  for (const [name, sum] of sums) {
    if (others.get(name) !== sum) throw new Error(`${name} is another one from a second build`);
  }
  console.log(`the same from a second build: ${[...sums.keys()].join(', ')}`);
}

/** What is not committed, or not known to git yet. */
function copyChanges(run, clone) {
  const changes = run(root, 'git', 'diff', '--binary', 'HEAD');
  if (changes !== '') execFileSync('git', ['apply', '--index'], { cwd: clone, input: changes });
  const unknown = run(root, 'git', 'ls-files', '-z', '--others', '--exclude-standard');
  for (const name of unknown.split('\0').filter((text) => text !== '')) {
    cpSync(join(root, name), join(clone, name));
  }
}

/** In seconds. */
function epoch() {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) {
    if (!/^\d+$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH is not a number: ${given}`);
    return Number(given);
  }
  const git = ['-C', root, 'log', '-1', '--format=%ct'];
  return Number(execFileSync('git', git, { encoding: 'utf8' }));
}
