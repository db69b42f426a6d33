/** `npm run relink`: the executable with another version of a library that is linked into it (THIRD-PARTY.md). */

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { makeBundle } from '../support/bundle.js';
import { REPOSITORY } from '../support/library.js';
import { newId, runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

/** It links twice, and makes the saved program. */
const TIMEOUT_MS = 200_000;

let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'tsrun-relink-'));
});

afterAll(() => {
  rmSync(work, { recursive: true });
});

function command(...words: [string, ...string[]]): string {
  return execFileSync(words[0], words.slice(1), { cwd: work, encoding: 'utf8' }).trim();
}

/** A copy of a library of this machine. */
function copyOf(name: string, ...more: string[]): string {
  const directory = join(work, 'libraries', name.replace('.a', ''));
  mkdirSync(directory, { recursive: true });
  for (const file of [name, ...more]) {
    cpSync(realpathSync(command('cc', `-print-file-name=${file}`)), join(directory, file));
  }
  return join(directory, name);
}

/** Puts the C source of a function in the place of the one that an archive has. */
function change(archive: string, symbol: string, source: string): string {
  command('objcopy', '--redefine-sym', `${symbol}=${symbol}_of_debian`, archive);
  writeFileSync(join(work, `changed-${symbol}.c`), source);
  command('cc', '-O2', '-c', `changed-${symbol}.c`);
  command('ar', 'rs', archive, `changed-${symbol}.o`);
  return archive;
}

/** Each of the parts that are under the LGPL, changed so that it can be told, and copies of the others. */
function otherLibraries(): string[] {
  const seccomp = change(
    copyOf('libseccomp.a'),
    'seccomp_version',
    `#include <seccomp.h>
    static const struct scmp_version version = {99, 7, 5};
    const struct scmp_version *seccomp_version(void) { return &version; }`,
  );
  const systemd = change(
    copyOf('libsystemd.a'),
    'sd_bus_new',
    `#include <errno.h>
    int sd_bus_new(void **bus) { *bus = 0; return -EXDEV; }`,
  );
  const libc = change(
    copyOf('libc.a', 'crt1.o', 'crti.o', 'crtn.o'),
    'getegid',
    'unsigned getegid(void) { return 4242; }',
  );
  return [
    ...['--libseccomp', seccomp, '--libsystemd', systemd, '--libc', dirname(libc)],
    ...['--libcap', copyOf('libcap.a')],
    ...['--libquickjs', copyOf('quickjs/libquickjs.a')],
  ];
}

/** In what native/build is for it alone, so that nothing but the links has to be done again. */
function relink(...args: string[]): Promise<Result> {
  const copy = join(mkdtempSync(join(work, 'relinked-')), 'build');
  const build = join(REPOSITORY, 'native/build');
  const script = 'cp -a "$1" "$2" && mount --bind "$2" "$1" && shift 2 && exec "$@"';
  return runProgram([
    ...['unshare', '--mount', 'sh', '-c', script, 'sh', build, copy],
    ...[process.execPath, join(REPOSITORY, 'scripts/relink.mjs'), '--build', build, ...args],
  ]);
}

test('other versions of all libraries', { timeout: TIMEOUT_MS }, async () => {
  const program = join(work, 'tsrun');
  const made = await relink(...otherLibraries(), program);
  expect(made.status, made.stderr + made.stdout).toBe(0);

  const features = await runProgram([program, 'features']);
  const { annotations } = JSON.parse(features.stdout) as { annotations: Record<string, string> };
  expect(annotations['io.github.seccomp.libseccomp.version']).toBe('99.7.5');

  mkdirSync(join(work, 'empty'));
  const spec = await runProgram([program, 'spec', '--rootless', '--bundle', join(work, 'empty')]);
  expect(spec).toMatchObject({ status: 0, stderr: '' });
  const written = JSON.parse(readFileSync(join(work, 'empty/config.json'), 'utf8')) as Spec;
  expect(written.linux?.gidMappings).toEqual([{ containerID: 0, hostID: 4242, size: 1 }]);

  const bundle = makeBundle('grep ^Seccomp: /proc/self/status; mkdir /tmp/a', (spec) => {
    spec.linux = {
      ...spec.linux,
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
      },
    };
  });
  try {
    const root = join(work, 'root');
    const run = ['--root', root, 'run', '--bundle', bundle.path, newId()];
    const scope = await runProgram([program, '--systemd-cgroup', ...run]);
    expect(scope.status).toBe(1);
    expect(scope.stderr).toMatch(/cannot reach systemd over the bus .*: invalid cross-device link/);
    expect(await runProgram([program, ...run])).toMatchObject({
      status: 1,
      stdout: 'Seccomp:\t2\n',
      stderr: expect.stringContaining('Operation not permitted') as string,
    });
  } finally {
    bundle.remove();
  }
});

test('what is not there is refused before anything is done', async () => {
  const made = await runProgram([
    ...[process.execPath, join(REPOSITORY, 'scripts/relink.mjs')],
    ...['--libcap', join(work, 'none.a'), join(work, 'out')],
  ]);
  expect(made.status).toBe(1);
  expect(made.stderr).toContain(`there is no ${join(work, 'none.a')}`);
});
