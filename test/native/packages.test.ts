/** What `npm run package` makes: what is in the packages, and that it is the same each time. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { CommandName, CommandRow } from '../../src/cli/table.js';
import { commands, globalRow } from '../../src/cli/table.js';
import { REPOSITORY } from '../support/library.js';
import { runProgram } from '../support/tsrun.js';

const NAMES = Object.keys(commands) as CommandName[];
/** Of a release on 1 February 2026. */
const EPOCH = '1769904000';
const DOC = 'usr/share/doc/tsrun';

let work: string;
let deb: string;
let tgz: string;
let platformTgz: string;
/** What is in them, unpacked. */
let debian: string;
let npm: string;
let platform: string;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'tsrun-packages-'));
  [deb, tgz, platformTgz] = await makePackages(REPOSITORY, join(work, 'packages'));
  debian = join(work, 'debian');
  execFileSync('dpkg-deb', ['--raw-extract', deb, debian]);
  npm = unpacked(tgz, 'npm');
  platform = unpacked(platformTgz, 'platform');
}, 120_000);

afterAll(() => {
  rmSync(work, { recursive: true });
});

function unpacked(archive: string, name: string): string {
  const path = join(work, name);
  mkdirSync(path);
  execFileSync('tar', ['-xzf', archive, '-C', path, '--strip-components=1']);
  return path;
}

interface Manifest {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

function manifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** @returns that for Debian, that for npm, and the one with the addon for this platform */
async function makePackages(checkout: string, output: string): Promise<[string, string, string]> {
  const made = await runProgram([process.execPath, join(checkout, 'scripts/package.mjs'), output], {
    env: { ...process.env, SOURCE_DATE_EPOCH: EPOCH },
  });
  expect(made).toMatchObject({ status: 0, stderr: '' });
  const files = readdirSync(output).map((name) => join(output, name));
  const like = (text: RegExp): string => files.find((name) => text.test(name)) ?? '';
  expect(files.length).toBe(3);
  return [like(/\.deb$/), like(/\/tsrun-\d[^/]*\.tgz$/), like(/\/tsrun-linux-[^/]*\.tgz$/)];
}

const sha256 = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex');

const filesOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const inDebian = (name: string): string => readFileSync(join(debian, name), 'utf8');
const manual = (name: string): string =>
  gunzipSync(readFileSync(join(debian, `usr/share/man/man8/${name}.8.gz`))).toString();

test('the Debian package has its files, as root and with their modes', () => {
  const listed = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => /^(\S+) (\S+) +\d+ (\S+ \S+) \.\/(.*)$/.exec(line)?.slice(1) ?? [line]);
  const modes = Object.fromEntries(listed.map(([mode = '', , , name = '']) => [name, mode]));
  expect(new Set(listed.map(([, owner]) => owner))).toEqual(new Set(['root/root']));
  expect(new Set(listed.map(([, , time]) => time)).size).toBe(1);
  const file = '-rw-r--r--';
  expect(modes).toMatchObject({
    'usr/bin/tsrun': '-rwxr-xr-x',
    'usr/share/bash-completion/completions/tsrun': file,
    'usr/share/zsh/vendor-completions/_tsrun': file,
    'usr/share/fish/vendor_completions.d/tsrun.fish': file,
    'etc/apparmor.d/tsrun-default': file,
    'usr/share/apparmor/extra-profiles/tsrun': file,
    'etc/containers/containers.conf.d/tsrun.conf': file,
    [`${DOC}/copyright`]: file,
    [`${DOC}/changelog.gz`]: file,
    [`${DOC}/README.md`]: file,
    [`${DOC}/docs/managers.md`]: file,
    [`${DOC}/examples/containerd.toml`]: file,
    [`${DOC}/examples/containerd-1.7.toml`]: file,
    ...Object.fromEntries(NAMES.map((name) => [`usr/share/man/man8/tsrun-${name}.8.gz`, file])),
    'usr/share/man/man8/tsrun.8.gz': file,
  });
  expect(sha256(join(debian, 'usr/bin/tsrun'))).toBe(sha256(join(REPOSITORY, 'dist/tsrun')));
});

test('it depends on nothing, and says what is linked into it', () => {
  const control = inDebian('DEBIAN/control');
  expect(control).toMatch(/^Package: tsrun$/m);
  expect(control).toMatch(/^Version: \d+\.\d+\.\d+$/m);
  expect(control).not.toMatch(/^(Pre-)?Depends:|^Recommends:/m);
  expect(control).not.toMatch(/@[A-Z_]+@/);
  for (const source of ['glibc', 'libcap2', 'libseccomp', 'quickjs', 'systemd']) {
    expect(control).toMatch(new RegExp(`^Static-Built-Using: .*\\b${source} \\(= \\S+\\)`, 'm'));
    expect(inDebian(`${DOC}/third-party/${source}`)).toContain('License');
    expect(inDebian(`${DOC}/THIRD-PARTY.md`)).toMatch(new RegExp(`^\\| .*\\| ${source} +\\d`, 'm'));
  }
  // The table of THIRD-PARTY.md, as far as it is of the executable.
  const copyright = inDebian(`${DOC}/copyright`).replaceAll(/\n +/g, ' ');
  const parts = [
    ...inDebian(`${DOC}/THIRD-PARTY.md`).matchAll(/^\| ([^|]+?) +\| yes +\|[^|]*\| (.+?) +\|$/gm),
  ];
  expect(parts).toHaveLength(8);
  for (const [, part = '', terms = ''] of parts) {
    expect(copyright).toContain(`${part.replaceAll(/\[(.+?)\]\(.+?\)/g, '$1')}: ${terms}`);
  }
  expect(inDebian('DEBIAN/conffiles').trimEnd().split('\n').sort()).toEqual([
    '/etc/apparmor.d/tsrun-default',
    '/etc/containers/containers.conf.d/tsrun.conf',
  ]);
  execFileSync('md5sum', ['--check', '--quiet', 'DEBIAN/md5sums'], { cwd: debian });
});

test('the changelog is one of Debian, with the notes of CHANGELOG.md', () => {
  const text = gunzipSync(readFileSync(join(debian, DOC, 'changelog.gz'))).toString();
  const [, version] = /^Version: (\S+)$/m.exec(inDebian('DEBIAN/control')) ?? [];
  expect(text.split('\n')[0]).toBe(`tsrun (${version ?? ''}) unstable; urgency=medium`);
  expect(text).toMatch(/^ -- .+ <\S+@\S+> {2}Sun, 01 Feb 2026 00:00:00 \+0000$/m);
  const changes = text.split('\n').filter((line) => !line.startsWith(' -- '));
  for (const line of changes) expect(line.length, line).toBeLessThan(80);
  const words = (lines: string): string => lines.replaceAll(/[\s*-]+/g, ' ');
  const notes = readFileSync(join(REPOSITORY, 'CHANGELOG.md'), 'utf8').split('### Added')[1] ?? '';
  expect(words(text)).toContain(words(notes.split(/^##/m)[0] ?? '').trim());
});

test('podman knows the runtime by its name, and its default stays what it was', async (context) => {
  if (!existsSync('/usr/bin/podman')) context.skip('needs podman');
  const conf = inDebian('etc/containers/containers.conf.d/tsrun.conf');
  expect(conf).toContain('/usr/bin/tsrun');
  const file = join(work, 'containers.conf');
  writeFileSync(file, conf.replace('/usr/bin/tsrun', join(debian, 'usr/bin/tsrun')));
  const storage = ['--root', join(work, 'root'), '--runroot', join(work, 'run')];
  const runtime = async (...options: string[]): Promise<string> => {
    const asked = ['info', '--format', '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Version}}'];
    const command = [
      '/usr/bin/podman',
      ...storage,
      '--storage-driver',
      'vfs',
      ...options,
      ...asked,
    ];
    const env = { ...process.env, CONTAINERS_CONF_OVERRIDE: file };
    return (await runProgram(command, { env })).stdout;
  };
  expect(await runtime('--runtime', 'tsrun')).toMatch(/^tsrun tsrun version/);
  expect(await runtime()).not.toMatch(/^tsrun /);
});

test('completion is what tsrun itself prints', () => {
  const tsrun = join(debian, 'usr/bin/tsrun');
  for (const [shell, file] of [
    ['bash', 'bash-completion/completions/tsrun'],
    ['zsh', 'zsh/vendor-completions/_tsrun'],
    ['fish', 'fish/vendor_completions.d/tsrun.fish'],
  ] as const) {
    const printed = execFileSync(tsrun, ['completion', shell], { encoding: 'utf8' });
    expect(inDebian(`usr/share/${file}`)).toBe(printed);
  }
});

test.each([undefined, ...NAMES])('the manual page of %s has every option of the table', (name) => {
  const row: CommandRow = name === undefined ? globalRow() : commands[name]();
  const text = manual(name === undefined ? 'tsrun' : `tsrun-${name}`).replaceAll('\\-', '-');
  for (const option of row.options) {
    const terms = [
      `\\fB--${option.name}\\fR`,
      ...(option.short ? [`\\fB-${option.short}\\fR`] : []),
    ];
    for (const term of terms) expect(text).toContain(term);
    if (option.metavar !== undefined) expect(text).toContain(`\\fI${option.metavar}\\fR`);
  }
  for (const { name: argument } of row.args) expect(text).toContain(`\\fI${argument}\\fR`);
  if (name !== undefined)
    expect(manual('tsrun').replaceAll('\\-', '-')).toContain(`tsrun-${name} (8)`);
});

test('manual pages tell of files and of profiles, as the pages in docs/ do', () => {
  const page = (name: string): string => manual(name).replaceAll('\\-', '-');
  const conffiles = inDebian('DEBIAN/conffiles').trimEnd().split('\n');
  for (const file of [...conffiles, '/run/tsrun', '$XDG_RUNTIME_DIR/tsrun']) {
    expect(page('tsrun')).toContain(`\\fB${file}\\fR`);
  }
  const text = readFileSync(join(REPOSITORY, 'docs/spec-command.md'), 'utf8').replaceAll(
    /\s+/g,
    ' ',
  );
  const rules = /members of objects one by one.*replaced as a whole/i.exec(text)?.[0] ?? '';
  for (const rule of ['a mount of the same destination', 'is replaced as a whole']) {
    expect(rules).toContain(rule);
    expect(page('tsrun-spec')).toContain(rule);
  }
});

test('manual pages are well formed, for mandoc and for groff', async () => {
  const pages = ['tsrun', ...NAMES.map((name) => `tsrun-${name}`)].map((name) => {
    const file = join(work, `${name}.8`);
    execFileSync('sh', ['-c', `zcat ${debian}/usr/share/man/man8/${name}.8.gz >${file}`]);
    return file;
  });
  const lint = await runProgram(['mandoc', '-T', 'lint', '-W', 'warning', ...pages]);
  expect(lint).toMatchObject({ status: 0, stdout: '', stderr: '' });
  const groff = await runProgram([
    'groff',
    '-man',
    '-Tutf8',
    '-ww',
    '-z',
    '-rCHECKSTYLE=3',
    ...pages,
  ]);
  expect(groff).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

test('the npm package has the program and what builds its addon, and depends on little', () => {
  const names = filesOf(npm).map((path) => path.slice(npm.length + 1));
  expect(names).toEqual(
    expect.arrayContaining([
      ...['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md', 'THIRD-PARTY.md'],
      ...['CMakeLists.txt', 'binding.gyp', 'native/binding/module.cc', 'scripts/install.mjs'],
      ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/main-node.js'],
    ]),
  );
  expect(names.filter((name) => /^(test|src|native\/build|dist\/tsrun|dist\/packages)/.test(name)))
    // To be copied to where AppArmor's parser looks.
    .toEqual(['src/apparmor/tsrun-default']);
  const own = manifest(npm);
  expect(Object.keys(own.dependencies ?? {})).toEqual(['commander']);
  expect(own.optionalDependencies).toEqual({
    [manifest(platform).name]: manifest(platform).version,
  });
});

test('the package of the platform has the addon, and the terms of what is in it', () => {
  const built = join(REPOSITORY, 'native/build/Release/tsrun.node');
  expect(sha256(join(platform, 'tsrun.node'))).toBe(sha256(built));
  expect(manifest(platform)).toMatchObject({ os: ['linux'], cpu: ['x64'], libc: ['glibc'] });
  const names = filesOf(platform).map((path) => path.slice(platform.length + 1));
  expect(names).toEqual(
    expect.arrayContaining([
      ...['package.json', 'LICENSE', 'README.md', 'THIRD-PARTY.md'],
      ...['third-party/libseccomp', 'third-party/systemd', 'third-party/LGPL-2.1'],
    ]),
  );
});

test('npm installs both, with commander and nothing else, and the command runs', async () => {
  const at = join(work, 'installed');
  mkdirSync(at);
  writeFileSync(join(at, 'package.json'), '{}');
  const commander = execFileSync(
    'npm',
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', work],
    { cwd: join(REPOSITORY, 'node_modules/commander'), encoding: 'utf8' },
  );
  const archives = [tgz, platformTgz, join(work, commander.trim())];
  const said = await runProgram(
    ['npm', 'install', '--offline', '--foreground-scripts', '--no-audit', ...archives],
    { cwd: at },
  );
  expect(said).toMatchObject({ status: 0 });
  expect(said.stdout).toContain('tsrun: uses the addon of tsrun-linux-x64-glibc\n');
  expect(readdirSync(join(at, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    ...['commander', 'tsrun', 'tsrun-linux-x64-glibc'],
  ]);
  const tsrun = join(at, 'node_modules/.bin/tsrun');
  const listed = await runProgram([tsrun, '--root', join(work, 'states'), 'list', '--quiet']);
  expect(listed).toMatchObject({ status: 0, stdout: '', stderr: '' });
});

test.each(['debian', 'npm'])(
  'links in the pages of the package for %s lead to what is in it',
  (kind) => {
    const root = kind === 'debian' ? join(debian, DOC) : npm;
    const pages = filesOf(root).filter((path) => path.endsWith('.md') && !path.includes('/spec/'));
    const names = pages.map((path) => path.slice(root.length + 1));
    expect(names).toEqual(
      expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/podman.md']),
    );
    let links = 0;
    for (const page of pages) {
      const text = readFileSync(page, 'utf8');
      for (const [link, target = ''] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(target)) continue;
        links++;
        expect(existsSync(join(dirname(page), target)), `${page}: ${link}`).toBe(true);
      }
    }
    expect(links).toBeGreaterThan(50);
    // What is in the sources alone is named.
    expect(readFileSync(join(root, 'docs/architecture.md'), 'utf8')).toContain(
      '(`src/plan/plan.ts`)',
    );
  },
);

test('another directory at another time gives the same bytes', { timeout: 180_000 }, async () => {
  // What the compilers made is taken as it is; all else is made anew.
  const other = join(work, 'a-directory-of-another-name');
  mkdirSync(other);
  for (const name of readdirSync(REPOSITORY)) {
    if (['.git', 'node_modules', 'tmp', 'coverage'].includes(name)) continue;
    cpSync(join(REPOSITORY, name), join(other, name), {
      recursive: true,
      filter: (path) => !/\/(native\/build-[^/]*|dist\/packages)$/.test(path),
    });
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(other, 'node_modules'));

  // The program's bytecode, from the TypeScript there.
  const build = join(REPOSITORY, 'native/build');
  const bundled = await runProgram([
    ...[process.execPath, join(other, 'scripts/bundle-executable.mjs')],
    ...[join(build, 'tsrun-compile'), 'src/cli/main-quickjs.ts', join(other, 'chunks')],
  ]);
  expect(bundled).toMatchObject({ status: 0, stderr: '' });
  expect(sha256(join(other, 'chunks/chunks.bin'))).toBe(sha256(join(build, 'chunks/chunks.bin')));

  const others = await makePackages(other, join(work, 'other-packages'));
  expect(others.map(sha256)).toEqual([deb, tgz, platformTgz].map(sha256));
});

test('nothing in the packages knows where it was built', () => {
  for (const path of [debian, npm, platform].flatMap(filesOf)) {
    expect(readFileSync(path).includes(REPOSITORY), path).toBe(false);
  }
});
