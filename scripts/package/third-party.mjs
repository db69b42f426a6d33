// What is linked into the executable and into the addon: asked of the linker and of dpkg.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** As people know them, by Debian's name of the source package. A library that is not here is an error. */
const KNOWN = {
  glibc: { name: 'GNU C Library', licence: 'LGPL-2.1-or-later; parts under other terms' },
  libcap2: { name: 'libcap', licence: 'BSD-3-Clause or GPL-2.0' },
  libseccomp: { name: 'libseccomp', licence: 'LGPL-2.1' },
  quickjs: { name: 'QuickJS', licence: 'MIT' },
  systemd: { name: 'libsystemd (sd-bus)', licence: 'LGPL-2.1-or-later; parts under other terms' },
};
const GCC = {
  name: 'libstdc++, libgcc and start files of GCC',
  licence: 'GPL-3.0-or-later with the GCC Runtime Library Exception',
};

/** Headers whose code is compiled in, of packages in node_modules. */
const HEADERS = [
  { directory: 'node-addon-api', file: 'LICENSE.md', licence: 'MIT' },
  { directory: 'node-api-headers', file: 'LICENSE', licence: 'MIT' },
];

/**
 * @param {string} build directory of the native build
 * @param {'tsrun-executable' | 'tsrun'} target of CMake
 * @returns {{ source: string, version: string, name: string, licence: string, terms: string }[]}
 *   each source package that a linked file comes from; `terms` is its copyright file
 */
export function linkedInto(build, target) {
  const packages = ownersOf(linkedFiles(build, target));
  const bySource = new Map();
  for (const binary of packages) {
    const [source, version] = dpkg(
      'dpkg-query',
      '-W',
      '-f',
      '${source:Package} ${source:Version}',
      binary,
    ).split(' ');
    const known = source.startsWith('gcc-') ? GCC : KNOWN[source];
    if (known === undefined)
      throw new Error(`${target} is linked with ${binary}, whose terms nobody has looked at`);
    const file = join('/usr/share/doc', binary.replace(/:.*/, ''), 'copyright');
    bySource.set(source, { source, version, ...known, terms: readFileSync(file, 'utf8') });
  }
  return [...bySource.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
}

/** @param {string} root of the checkout */
export function compiledIn(root) {
  return HEADERS.map(({ directory, file, licence }) => {
    const path = join(root, 'node_modules', directory);
    const { version } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    return {
      source: directory,
      version,
      name: directory,
      licence,
      terms: readFileSync(join(path, file), 'utf8'),
    };
  });
}

/**
 * THIRD-PARTY.md with the versions in this package, and the terms of each part.
 *
 * @param {import('./tree.mjs').Tree} tree
 * @param {string} at directory of the package, with a slash behind it, or empty
 * @param {string} root of the checkout
 */
export function addThirdParty(tree, at, root, parts) {
  const text = readFileSync(join(root, 'THIRD-PARTY.md'), 'utf8');
  tree.write(`${at}THIRD-PARTY.md`, `${text}\n## In this package\n\n${versionsTable(parts)}`);
  for (const { source, terms } of parts) tree.write(`${at}third-party/${source}`, terms);
}

function versionsTable(parts) {
  const rows = parts.map(
    ({ name, source, version, licence }) => `| ${name} | ${source} ${version} | ${licence} |`,
  );
  return ['| part | version | terms |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

/**
 * Every file that the linker has read, except those of the build and shared ones: it has written them down.
 *
 * @param {string} build directory of the native build
 * @param {'tsrun-executable' | 'tsrun'} target of CMake
 */
export function linkedFiles(build, target) {
  const written = join(build, 'CMakeFiles', `${target}.dir`, 'link.d');
  // ninja takes the file into its own log.
  const output = target === 'tsrun' ? 'Release/tsrun.node' : 'executable/tsrun';
  const text = existsSync(written)
    ? readFileSync(written, 'utf8')
    : execFileSync('ninja', ['-C', build, '-t', 'deps', output], { encoding: 'utf8' });
  // Not what is shared: that stays where it is.
  const files = text.match(/(?<=^|[\s:])\/[^\s:\\]+\.[ao](?=[\s:\\]|$)/g) ?? [];
  const foreign = files.filter((file) => !file.startsWith(`${build}/`));
  if (foreign.length === 0) throw new Error(`${build} does not say what ${target} is linked with`);
  return [...new Set(foreign.map((file) => realpathSync(file)))];
}

function ownersOf(files) {
  const lines = dpkg('dpkg-query', '-S', ...files).split('\n');
  return [...new Set(lines.map((line) => line.replace(/: \/.*/, '')))];
}

function dpkg(command, ...args) {
  return execFileSync(command, args, { encoding: 'utf8' }).trim();
}
