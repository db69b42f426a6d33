/** A Debian that has nothing but Node and npm, with a copy of this checkout: what README calls a fresh one. */

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { REPOSITORY } from '../support/library.js';
import type { Result } from '../support/tsrun.js';
import { runProgram } from '../support/tsrun.js';

const ENTER = join(dirname(fileURLToPath(import.meta.url)), 'enter');
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** How this machine reaches the registries of packages: in its environment, and in these files. */
const SETTINGS = /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|npm_config_registry)$/i;
const FILES = ['/etc/resolv.conf', '/etc/npmrc', '/etc/ssl/certs/ca-certificates.crt'];

export interface FreshMachine {
  root: string;
  /** In /checkout. What it prints on both streams together. */
  run(command: readonly string[], options?: { offline: boolean }): Promise<Result>;
  remove(): void;
}

/** The directory of npm, where that is a whole; Debian's is made of a hundred packages. */
function npmDirectory(): string | undefined {
  const found = (process.env['PATH'] ?? '')
    .split(':')
    .map((path) => join(path, 'npm'))
    .find((path) => existsSync(path));
  if (found === undefined) return undefined;
  const directory = dirname(dirname(realpathSync(found)));
  return existsSync(join(directory, 'node_modules')) ? directory : undefined;
}

/** Why there can be none. */
export function whyNoFreshMachine(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/usr/bin/mmdebstrap')) return 'needs mmdebstrap (scripts/setup.sh installs it)';
  return npmDirectory() === undefined ? 'needs an npm that is one directory' : undefined;
}

/** Sources of packages, but for those that this machine keeps itself. */
function copySources(root: string): void {
  const list = '/etc/apt/sources.list';
  const directory = `${list}.d`;
  const sources = [list, ...readdirSync(directory).map((name) => join(directory, name))].filter(
    (file) => existsSync(file) && !/\bfile:/.test(readFileSync(file, 'utf8')),
  );
  if (sources.length > 0) rmSync(join(root, list), { force: true });
  for (const file of sources) copyFileSync(file, join(root, file));
  cpSync('/etc/apt/apt.conf.d', join(root, 'etc/apt/apt.conf.d'), { recursive: true });
}

export function makeFreshMachine(): FreshMachine {
  const work = mkdtempSync(join(tmpdir(), 'tsrun-fresh-'));
  const remove = (): void => {
    rmSync(work, { recursive: true });
  };
  const root = join(work, 'root');
  try {
    execFileSync('mmdebstrap', ['--quiet', '--variant=minbase', 'trixie', root]);
    copySources(root);
    for (const file of FILES.filter((path) => existsSync(path))) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      copyFileSync(file, join(root, file));
    }
    const npmrc = join(homedir(), '.npmrc');
    if (existsSync(npmrc)) copyFileSync(npmrc, join(root, 'root/.npmrc'));

    const local = join(root, 'usr/local');
    copyFileSync(process.execPath, join(local, 'bin/node'));
    cpSync(npmDirectory() ?? '', join(local, 'lib/npm'), { recursive: true });
    symlinkSync('../lib/npm/bin/npm-cli.js', join(local, 'bin/npm'));

    mkdirSync(join(root, 'checkout'));
    const files =
      'git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null';
    const copy = `${files} | tar -c -T - | tar -x --no-same-owner -C "$1"`;
    execFileSync('sh', ['-c', copy, 'sh', join(root, 'checkout')], { cwd: REPOSITORY });
  } catch (error) {
    remove();
    throw error;
  }
  const settings = Object.entries(process.env).filter(([name]) => SETTINGS.test(name));
  const environment = [
    'HOME=/root',
    `PATH=${PATH}`,
    ...settings.map(([name, value = '']) => `${name}=${value}`),
  ];
  return {
    root,
    run: (command, { offline } = { offline: false }) =>
      runProgram([
        ...['env', '-i', ...environment, ...(offline ? ['OFFLINE=1'] : [])],
        ...['sh', '-c', 'exec "$@" 2>&1', 'sh', ENTER, root, ...command],
      ]),
    remove,
  };
}
