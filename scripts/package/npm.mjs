// The npm packages: tsrun, in which nothing is compiled, and the one with the addon for one platform,
// which the first names as an optional dependency (scripts/install.mjs).

import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { nameWhatIsNotHere } from './links.mjs';
import { addThirdParty, compiledIn, linkedInto } from './third-party.mjs';
import { Tree } from './tree.mjs';

/** Of the licences that the copyright files name: the text that has to go along. */
const LGPL = '/usr/share/common-licenses/LGPL-2.1';

/** What the addon is built for, as npm names it. */
const PLATFORM = { os: ['linux'], cpu: ['x64'], libc: ['glibc'] };

/**
 * @param {{ root: string, output: string, version: string, epoch: number }} job as that of debian.mjs
 * @param {string} work directory that is made
 * @returns {string[]} the packages' paths
 */
export function makeNpmPackages(job, work) {
  const own = JSON.parse(readFileSync(join(job.root, 'package.json'), 'utf8'));
  const platform = platformOf(own);
  return [
    pack(job, makeMain(job, own, platform, join(work, own.name))),
    pack(job, makePlatform(job, platform, join(work, platform.name))),
  ];
}

/** package.json of the package with the addon. */
function platformOf({ name, version, license, engines }) {
  return {
    name: `${name}-${Object.values(PLATFORM).flat().join('-')}`,
    version,
    description: `The native addon of ${name} for x86-64 Linux with glibc: ${name} installs it`,
    license,
    ...PLATFORM,
    engines,
    main: 'tsrun.node',
    files: ['tsrun.node', 'THIRD-PARTY.md', 'third-party'],
  };
}

function makeMain({ root, epoch }, own, platform, work) {
  const tree = new Tree(work, epoch);
  for (const name of [
    'README.md',
    'LICENSE',
    ...own.files.filter((name) => !name.startsWith('!')),
  ]) {
    cpSync(join(root, name), join(work, name), { recursive: true, filter: isSource(root) });
  }
  const optionalDependencies = { [platform.name]: platform.version };
  tree.write('package.json', json({ ...own, optionalDependencies }));
  nameWhatIsNotHere(tree, '');
  return tree;
}

function makePlatform({ root, epoch }, platform, work) {
  const tree = new Tree(work, epoch);
  tree.write('package.json', json(platform));
  tree.write('README.md', `# ${platform.name}\n\n${platform.description}.\n`);
  tree.copy('LICENSE', join(root, 'LICENSE'));
  tree.copy(platform.main, join(root, 'native/build/Release', platform.main), 0o755);
  const parts = [...linkedInto(join(root, 'native/build'), 'tsrun'), ...compiledIn(root)];
  addThirdParty(tree, '', root, parts);
  tree.copy('third-party/LGPL-2.1', LGPL);
  nameWhatIsNotHere(tree, '');
  return tree;
}

function pack({ output, version }, tree) {
  tree.seal();
  // No scripts: prepack would build, and that is done.
  const options = ['pack', '--ignore-scripts', '--silent', '--pack-destination', output];
  execFileSync('npm', options, {
    cwd: tree.path,
    env: { ...process.env, npm_config_update_notifier: 'false', npm_config_offline: 'true' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return join(output, `${basename(tree.path)}-${version}.tgz`);
}

const json = (value) => `${JSON.stringify(value, undefined, 2)}\n`;

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
