// The npm package, with an addon that is built already: scripts/install.mjs takes it where it fits.

import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { nameWhatIsNotHere } from './links.mjs';
import { addThirdParty, compiledIn, linkedInto } from './third-party.mjs';
import { Tree } from './tree.mjs';

/** Of the licences that the copyright files name: the text that has to go along. */
const LGPL = '/usr/share/common-licenses/LGPL-2.1';

/**
 * @param {{ root: string, output: string, version: string, epoch: number }} job as that of debian.mjs
 * @param {string} work directory that is made
 * @returns {string} the package's path
 */
export function makeNpmPackage({ root, output, version, epoch }, work) {
  const tree = new Tree(work, epoch);
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wanted = files.filter((name) => !name.startsWith('!') && !MADE_HERE.includes(name));
  for (const name of ['package.json', 'README.md', 'LICENSE', ...wanted]) {
    cpSync(join(root, name), join(work, name), { recursive: true, filter: isSource(root) });
  }
  const parts = [...linkedInto(join(root, 'native/build'), 'tsrun'), ...compiledIn(root)];
  addThirdParty(tree, '', root, parts);
  tree.copy('third-party/LGPL-2.1', LGPL);
  tree.copy(
    'prebuilds/linux-x64-glibc/tsrun.node',
    join(root, 'native/build/Release/tsrun.node'),
    0o755,
  );
  nameWhatIsNotHere(tree, '');
  tree.seal();

  // No scripts: prepack would build, and that is done.
  const options = ['pack', '--ignore-scripts', '--silent', '--pack-destination', output];
  execFileSync('npm', options, {
    cwd: work,
    env: { ...process.env, npm_config_update_notifier: 'false', npm_config_offline: 'true' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(output, `tsrun-${version}.tgz`);
}

const MADE_HERE = ['prebuilds', 'third-party', 'THIRD-PARTY.md'];

/** Not what is built for elsewhere: the executable and these packages, and the native build. */
function isSource(root) {
  const built = ['dist/tsrun', 'dist/packages', 'native/build'].map((name) => join(root, name));
  return (path) =>
    !built.some(
      (name) =>
        path === name ||
        path.startsWith(`${name}/`) ||
        (name.endsWith('build') && path.startsWith(`${name}-`)),
    );
}
