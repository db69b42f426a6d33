/** `npm run relink`: the executable with another version of a library that is linked into it (THIRD-PARTY.md). */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

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

/** A libseccomp.a that says that it is of another version. */
function otherLibrary(): string {
  const file = join(work, 'libseccomp.a');
  const run = (...command: [string, ...string[]]): string =>
    execFileSync(command[0], command.slice(1), { cwd: work, encoding: 'utf8' }).trim();
  cpSync(run('cc', '-print-file-name=libseccomp.a'), file);
  writeFileSync(
    join(work, 'version.c'),
    `#include <seccomp.h>
    static const struct scmp_version version = {99, 7, 5};
    const struct scmp_version *seccomp_version(void) { return &version; }`,
  );
  run('objcopy', '--redefine-sym', 'seccomp_version=seccomp_version_of_debian', file);
  run('cc', '-O2', '-c', 'version.c');
  run('ar', 'rs', file, 'version.o');
  return file;
}

/** In what native/build is for it alone, so that nothing but the links has to be done again. */
function relink(...args: string[]): Promise<Result> {
  const copy = join(work, 'build');
  const build = join(REPOSITORY, 'native/build');
  const script = 'cp -a "$1" "$2" && mount --bind "$2" "$1" && shift 2 && exec "$@"';
  return runProgram([
    ...['unshare', '--mount', 'sh', '-c', script, 'sh', build, copy],
    ...[process.execPath, join(REPOSITORY, 'scripts/relink.mjs'), '--build', build, ...args],
  ]);
}

test('another libseccomp', { timeout: TIMEOUT_MS }, async () => {
  const program = join(work, 'tsrun');
  const library = otherLibrary();
  const made = await relink('--libseccomp', library, program);
  expect(made.status, made.stderr + made.stdout).toBe(0);

  const features = await runProgram([program, 'features']);
  const { annotations } = JSON.parse(features.stdout) as { annotations: Record<string, string> };
  expect(annotations['io.github.seccomp.libseccomp.version']).toBe('99.7.5');

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
