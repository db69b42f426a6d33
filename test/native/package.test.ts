/** What `npm pack` makes works where it is installed: built there, with its own dependencies only. */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

import { REPOSITORY, useLibrary } from '../support/library.js';
import { runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useLibrary();

/** To be copied to where AppArmor's parser looks. */
const PROFILE = 'src/apparmor/tsrun-default';

interface Lock {
  packages: Record<
    string,
    { dependencies?: Record<string, string>; bin?: Record<string, string> } | undefined
  >;
}

/** The optional peers. */
const BUILDERS = ['cmake-js', 'node-addon-api', 'node-api-headers'];

/** The checkout without what was built in it: packing builds, and other tests use what is there. */
function copyCheckout(to: string): void {
  cpSync(REPOSITORY, to, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist|\.git|build[a-z-]*|generated)$/.test(path),
  });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(to, 'node_modules'));
}

/** Paths of these packages, and of those that they depend on. */
function withDependencies(packages: Lock['packages'], names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const left = [...names];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const path = `node_modules/${name}`;
    if (found.has(path)) continue;
    found.add(path);
    left.push(...Object.keys(packages[path]?.dependencies ?? {}));
  }
  return found;
}

/** What npm puts beside the package, with what a build from source needs. */
function installDependencies(to: string): void {
  const { packages } = JSON.parse(
    readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8'),
  ) as Lock;
  mkdirSync(join(to, 'node_modules/.bin'), { recursive: true });
  const wanted = withDependencies(packages, ['commander', ...BUILDERS]);
  for (const path of wanted) {
    const bin = packages[path]?.bin;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    cpSync(join(REPOSITORY, path), join(to, path), { recursive: true });
    for (const [name, file] of Object.entries(bin ?? {})) {
      symlinkSync(join(to, path, file), join(to, 'node_modules/.bin', name));
    }
  }
}

const PROGRAM = `
  import { createContainer, TsrunError } from 'tsrun';
  const [root, id, bundle] = process.argv.slice(2);
  const container = await createContainer({ root, id, bundle });
  await container.start();
  const { status } = await container.wait();
  await container.delete();
  console.log(status, TsrunError.name);
`;

const TYPED = `
  import { createContainer, type Container, type ExitInfo, type Spec } from 'tsrun';
  export async function run(spec: Spec): Promise<number> {
    const container: Container = await createContainer({ id: 'x', bundle: '/b', spec });
    const exit: ExitInfo = await container.wait();
    // @ts-expect-error there is no such option
    await container.delete({ gently: true });
    return exit.status ?? 128 + exit.signal;
  }
`;

const TSCONFIG = {
  compilerOptions: { module: 'nodenext', target: 'es2022', strict: true, noEmit: true, types: [] },
  files: ['typed.ts'],
};

test(
  'the packed package is built and runs a container elsewhere',
  { timeout: 240_000 },
  async () => {
    const { work, root, id } = scene;
    const checkout = join(work, 'checkout');
    copyCheckout(checkout);
    const offline = {
      ...process.env,
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
    };
    const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', work], {
      cwd: checkout,
      env: offline,
      encoding: 'utf8',
    });

    const elsewhere = join(work, 'elsewhere');
    installDependencies(elsewhere);
    const installed = join(elsewhere, 'node_modules/tsrun');
    mkdirSync(installed);
    const archive = packed.trim().split('\n').at(-1) ?? '';
    const tar = ['--strip-components=1', '-C', installed, '-xvf', join(work, archive)];
    const files = execFileSync('tar', tar, { encoding: 'utf8' }).split('\n');
    for (const name of [
      'dist/index.js',
      'dist/index.d.ts',
      'native/binding/module.cc',
      'CMakeLists.txt',
      'LICENSE',
      'README.md',
      PROFILE,
    ]) {
      expect(files).toContain(`package/${name}`);
    }
    expect(files.filter((name) => /^package\/(test|src|native\/build)/.test(name))).toEqual([
      `package/${PROFILE}`,
    ]);

    // An addon as `npm run package` makes it, of another machine than this.
    const platform = join(elsewhere, `node_modules/tsrun-linux-${process.arch}-glibc`);
    mkdirSync(platform);
    writeFileSync(join(platform, 'package.json'), '{"main":"tsrun.node"}');
    writeFileSync(join(platform, 'tsrun.node'), '\x7fELF of another');
    // What npm does after unpacking.
    const installing = ['run', 'install'];
    const said = execFileSync('npm', installing, {
      cwd: installed,
      env: offline,
      encoding: 'utf8',
    });
    expect(said).toMatch(
      /^tsrun: builds its addon: that of tsrun-linux-\S+ cannot be loaded here/m,
    );
    execFileSync('chmod', ['+x', join(installed, 'dist/cli/main-node.js')]);
    symlinkSync('../tsrun/dist/cli/main-node.js', join(elsewhere, 'node_modules/.bin/tsrun'));

    const { path } = scene.make('echo inside; exit 6');
    const tsrun = (...args: string[]): Promise<Result> =>
      runProgram([join(elsewhere, 'node_modules/.bin/tsrun'), '--root', root, ...args]);
    expect((await tsrun('--version')).stdout).toMatch(/^tsrun version \d/);
    expect(await tsrun('run', '--bundle', path, id)).toMatchObject({
      status: 6,
      stdout: 'inside\n',
      stderr: '',
    });

    writeFileSync(join(elsewhere, 'program.mjs'), PROGRAM);
    const result = await runProgram([
      process.execPath,
      join(elsewhere, 'program.mjs'),
      root,
      id,
      path,
    ]);
    expect(result).toMatchObject({ status: 0, stdout: 'inside\n6 TsrunError\n', stderr: '' });

    writeFileSync(join(elsewhere, 'package.json'), '{"type":"module"}');
    writeFileSync(join(elsewhere, 'typed.ts'), TYPED);
    writeFileSync(join(elsewhere, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    const compiled = await runProgram([join(REPOSITORY, 'node_modules/.bin/tsc'), '-p', elsewhere]);
    expect(compiled).toMatchObject({ status: 0, stdout: '' });
  },
);
