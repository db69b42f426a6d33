// The Debian package, from what is built.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { debianChangelog } from './changelog.mjs';
import { nameWhatIsNotHere } from './links.mjs';
import { manPages } from './man-pages.mjs';
import { addThirdParty, compiledIn, linkedInto } from './third-party.mjs';
import { Tree } from './tree.mjs';

const DOC = 'usr/share/doc/tsrun';
/** Beside those of docs/. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
  'bench/RESULTS.md',
];

/**
 * @param {{ root: string, output: string, version: string, epoch: number, cli: object }} job the
 *   checkout, the directory for the package, the release, and what dist/cli knows of commands
 * @param {string} work directory that is made
 * @returns {string} the package's path
 */
export function makeDebianPackage({ root, output, version, epoch, cli }, work) {
  const architecture = run('dpkg', '--print-architecture');
  const maintainer = 'The tsrun maintainers <maintainers@tsrun.invalid>';
  const tree = new Tree(work, epoch);
  const linked = linkedInto(join(root, 'native/build'), 'tsrun-executable');
  const parts = [...linked, ...compiledIn(root)];

  tree.copy('usr/bin/tsrun', join(root, 'dist/tsrun'), 0o755);
  addManPages(tree, cli, { version, date: dateOf(epoch) });
  addCompletions(tree, join(root, 'dist/tsrun'));
  tree.copy('etc/apparmor.d/tsrun-default', join(root, 'src/apparmor/tsrun-default'));
  tree.copy('usr/share/apparmor/extra-profiles/tsrun', join(root, 'src/apparmor/tsrun'));
  tree.copy('etc/containers/containers.conf.d/tsrun.conf', join(root, 'packaging/containers.conf'));
  addDocumentation(tree, root, parts);
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  tree.write(
    `${DOC}/changelog.gz`,
    packed(debianChangelog(changes, { version, epoch, maintainer })),
  );
  tree.copy('usr/share/lintian/overrides/tsrun', join(root, 'packaging/debian/lintian-overrides'));

  const files = tree.files();
  const size = files.reduce(
    (sum, file) => sum + Math.ceil(statSync(join(work, file)).size / 1024),
    0,
  );
  const control = readFileSync(join(root, 'packaging/debian/control'), 'utf8')
    .replace('@VERSION@', version)
    .replace('@ARCHITECTURE@', architecture)
    .replace('@MAINTAINER@', maintainer)
    .replace('@SIZE@', String(size))
    .replace(
      '@BUILT_USING@',
      linked.map((part) => `${part.source} (= ${part.version})`).join(', '),
    );
  tree.write('DEBIAN/control', control);
  tree.write(
    'DEBIAN/md5sums',
    files
      .filter((file) => !file.startsWith('etc/'))
      .map((file) => `${md5(join(work, file))}  ${file}\n`)
      .join(''),
  );
  tree.write(
    'DEBIAN/conffiles',
    files
      .filter((file) => file.startsWith('etc/'))
      .map((file) => `/${file}\n`)
      .join(''),
  );
  for (const script of ['postinst', 'postrm']) {
    tree.copy(`DEBIAN/${script}`, join(root, 'packaging/debian', script), 0o755);
  }
  tree.seal();

  const file = join(output, `tsrun_${version}_${architecture}.deb`);
  // One thread: with more of them xz cuts what it compresses into blocks.
  const options = ['--root-owner-group', '-Zxz', '--threads-max=1', '--build'];
  execFileSync('dpkg-deb', [...options, work, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return file;
}

function addManPages(tree, cli, release) {
  for (const { name, text } of manPages(cli, release)) {
    tree.write(`usr/share/man/man8/${name}.gz`, packed(text));
  }
}

function addCompletions(tree, tsrun) {
  const script = (shell) => execFileSync(tsrun, ['completion', shell]);
  tree.write('usr/share/bash-completion/completions/tsrun', script('bash'));
  tree.write('usr/share/zsh/vendor-completions/_tsrun', script('zsh'));
  tree.write('usr/share/fish/vendor_completions.d/tsrun.fish', script('fish'));
}

/** README.md finds docs/ beside it, as in the checkout. */
function addDocumentation(tree, root, parts) {
  for (const name of PAGES) tree.copy(`${DOC}/${name}`, join(root, name));
  addDirectory(tree, `${DOC}/docs`, join(root, 'docs'), /\.(md|svg)$/);
  addDirectory(tree, `${DOC}/examples`, join(root, 'packaging/examples'), /./);
  addDirectory(tree, `${DOC}/examples`, join(root, 'examples'), /./);
  tree.copy(`${DOC}/copyright`, join(root, 'packaging/debian/copyright'));
  addThirdParty(tree, `${DOC}/`, root, parts);
  // Those names are Debian's.
  const others = { 'CHANGELOG.md': 'changelog.gz', LICENSE: 'copyright' };
  nameWhatIsNotHere(tree, `${DOC}/`, others);
}

function addDirectory(tree, to, from, wanted) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const path = join(from, entry.name);
    if (entry.isDirectory()) addDirectory(tree, `${to}/${entry.name}`, path, wanted);
    else if (wanted.test(entry.name)) {
      const script = readFileSync(path, 'latin1').startsWith('#!');
      tree.copy(`${to}/${basename(path)}`, path, script ? 0o755 : 0o644);
    }
  }
}

const packed = (contents) => gzipSync(contents, { level: 9 });
const dateOf = (epoch) => new Date(epoch * 1000).toISOString().slice(0, 10);
const md5 = (path) => createHash('md5').update(readFileSync(path)).digest('hex');
const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).trim();
