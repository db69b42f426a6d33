// Writes the commit that dist/ was built from into dist/version.js, for --version.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../dist/version.js', import.meta.url);
let commit = 'unknown';
try {
  const git = (...args) => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
  commit = git('rev-parse', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '-dirty');
} catch {
  // A source tree without git, or without a commit: a package's dist/ is stamped already.
}
const text = readFileSync(file, 'utf8');
const stamped = text.replace(/(COMMIT = )'[^']*'/, `$1'${commit}'`);
if (stamped !== text) writeFileSync(file, stamped);
