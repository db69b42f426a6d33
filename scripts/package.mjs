// Makes the packages for Debian and npm of what is built: npm run package builds first.
//
//   node scripts/package.mjs [DIRECTORY]    into DIRECTORY, dist/packages by default
//
// The same commit gives the same bytes, in whatever directory and at whatever
// time: every file has the time of the commit, or SOURCE_DATE_EPOCH.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { makeDebianPackage } from './package/debian.mjs';
import { makeNpmPackage } from './package/npm.mjs';

const root = join(import.meta.dirname, '..');
const output = resolve(process.argv[2] ?? join(root, 'dist/packages'));
process.umask(0o022);
mkdirSync(output, { recursive: true });

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const cli = {
  ...(await import(join(root, 'dist/cli/table.js'))),
  ...(await import(join(root, 'dist/cli/texts.js'))),
};
const job = { root, output, version, epoch: epoch(), cli };
const work = mkdtempSync(join(tmpdir(), 'tsrun-package-'));
try {
  const files = [
    makeDebianPackage(job, join(work, 'debian')),
    makeNpmPackage(job, join(work, 'npm')),
  ];
  for (const file of files) {
    const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
    console.log(`${sum}  ${file}`);
  }
} finally {
  rmSync(work, { recursive: true });
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
