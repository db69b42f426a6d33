/** npm install takes the addon of the platform's package where it fits, builds it elsewhere, and says which. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';

import { REPOSITORY, useLibrary } from '../support/library.js';
import { runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useLibrary();

const PREBUILT = 'tsrun-linux-x64-glibc';
const ADDON = 'native/build/Release/tsrun.node';
/** Optional peers. */
const BUILDERS = ['cmake-js', 'node-addon-api', 'node-api-headers'];
const FITS = process.arch === 'x64' && 'glibcVersionRuntime' in header();

function header(): object {
  return (process.report.getReport() as { header: object }).header;
}

/** The package as it is unpacked, as far as its install step looks. */
let installed: string;
/** That with the addon. */
let prebuilt: string;
/** What the install step asked npm for. */
let asked: string;

beforeEach(() => {
  const modules = join(scene.work, 'node_modules');
  installed = join(modules, 'tsrun');
  prebuilt = join(modules, PREBUILT);
  asked = join(scene.work, 'asked');
  mkdirSync(join(installed, 'scripts'), { recursive: true });
  cpSync(join(REPOSITORY, 'scripts/install.mjs'), join(installed, 'scripts/install.mjs'));
  cpSync(join(REPOSITORY, 'package.json'), join(installed, 'package.json'));
  mkdirSync(prebuilt);
  writeFileSync(join(prebuilt, 'package.json'), '{"main":"tsrun.node"}');
  cpSync(join(REPOSITORY, ADDON), join(prebuilt, 'tsrun.node'));
  for (const name of BUILDERS) {
    mkdirSync(join(modules, name));
    writeFileSync(join(modules, name, 'package.json'), '{}');
  }
  // A build takes minutes: it is enough to see that it is asked for.
  mkdirSync(join(scene.work, 'bin'));
  writeFileSync(
    join(scene.work, 'bin/npm'),
    `#!/bin/sh\necho "$@" >"${asked}"\nexit "\${NPM_STATUS:-0}"\n`,
  );
  chmodSync(join(scene.work, 'bin/npm'), 0o755);
});

/** @param host what else is true of the machine, as JavaScript that runs first */
function install(host = '', env: NodeJS.ProcessEnv = {}): Promise<Result> {
  const first = `data:text/javascript,${encodeURIComponent(host)}`;
  return runProgram([process.execPath, '--import', first, join(installed, 'scripts/install.mjs')], {
    env: {
      ...process.env,
      PATH: `${join(scene.work, 'bin')}:${process.env['PATH'] ?? ''}`,
      ...env,
    },
  });
}

function expectBuild(result: Result, reason: string): void {
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toBe(`tsrun: builds its addon: ${reason}\n`);
  expect(readFileSync(asked, 'utf8')).toBe('run build:native\n');
  expect(existsSync(join(installed, ADDON))).toBe(false);
}

test('the one that fits is taken, and runs a container', async (context) => {
  if (!FITS) context.skip('the addon of the package is for x86-64 with glibc');
  expect(await install()).toMatchObject({
    status: 0,
    stdout: 'tsrun: uses the addon of tsrun-linux-x64-glibc\n',
    stderr: '',
  });
  expect(existsSync(asked)).toBe(false);
  const parts = ['dist', 'spec'].map((name) => join(REPOSITORY, name));
  execFileSync('cp', ['-r', ...parts, installed]);
  const commander = join(REPOSITORY, 'node_modules/commander');
  execFileSync('cp', ['-r', commander, join(scene.work, 'node_modules')]);
  const { path } = scene.make('exit 6');
  const main = join(installed, 'dist/cli/main-node.js');
  const run = ['--root', scene.root, 'run', '--bundle', path, scene.id];
  expect(await runProgram([process.execPath, main, ...run])).toMatchObject({
    status: 6,
    stderr: '',
  });
});

test('another architecture, another C library: built', async () => {
  const arch = "Object.defineProperty(process, 'arch', { value: 'arm64' })";
  expectBuild(await install(arch), 'tsrun-linux-arm64-glibc is not installed');
  const musl = 'process.report.getReport = () => ({ header: {} })';
  expectBuild(await install(musl), `tsrun-linux-${process.arch}-other is not installed`);
});

test('a Node with an older Node-API: built', async (context) => {
  if (!FITS) context.skip('the addon of the package is for x86-64 with glibc');
  const old =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, napi: '7' } })";
  expectBuild(await install(old), 'this Node has version 7 of Node-API, and it needs 8');
});

test('one that cannot be loaded: built, with the reason of the loader', async (context) => {
  if (!FITS) context.skip('the addon of the package is for x86-64 with glibc');
  // The second one ends the process that loads it.
  for (const [size, reason] of [
    [50, 'file too short'],
    [1000, 'SIGBUS'],
  ] as const) {
    truncateSync(join(prebuilt, 'tsrun.node'), size);
    const result = await install();
    expect(result.stdout).toContain('that of tsrun-linux-x64-glibc cannot be loaded here (');
    expect(result.stdout).toContain(reason);
    expect(readFileSync(asked, 'utf8')).toBe('run build:native\n');
    expect(existsSync(join(installed, ADDON))).toBe(false);
    cpSync(join(REPOSITORY, ADDON), join(prebuilt, 'tsrun.node'));
  }
});

test('asked for, or in a source tree: built', async () => {
  const env = { npm_config_build_from_source: 'true' };
  expectBuild(await install('', env), 'npm_config_build_from_source is set');
  writeFileSync(join(installed, 'tsconfig.json'), '{}');
  expectBuild(await install(), 'this is a source tree');
});

test('a build without what it needs of npm names the command for that', async () => {
  rmSync(prebuilt, { recursive: true });
  rmSync(join(scene.work, 'node_modules/cmake-js'), { recursive: true });
  rmSync(join(scene.work, 'node_modules/node-addon-api'), { recursive: true });
  const { status, stderr } = await install();
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^tsrun: the addon cannot be built yet: npm install 'cmake-js@\S+' 'node-addon-api@\S+'\n$/,
  );
  expect(existsSync(asked)).toBe(false);
});

test('a build that fails says what it needs', async () => {
  rmSync(prebuilt, { recursive: true });
  const result = await install('', { NPM_STATUS: '3' });
  expect(result.status).toBe(3);
  expect(result.stderr).toContain('apt-get install cmake');
});
