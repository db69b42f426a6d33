/** A caller that may have few descriptors, or write no files: one clear line, and nothing is left. */

import { expect, test } from 'vitest';

import { useLibrary } from '../support/library.js';
import { leftOf } from '../support/left.js';
import { COMMAND, runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useLibrary();
const onNode = COMMAND.length > 1;

function limited(
  limit: string,
  command: 'create' | 'run',
  bundle: string,
  umask = '022',
): Promise<Result> {
  const { root, id, work } = scene;
  // No pipe but where nothing comes of it: a container that waits for its start would keep it open.
  const to = limit.startsWith('--nofile')
    ? `2>${work}/log || { cat ${work}/log >&2; exit 1; }`
    : '';
  return runProgram([
    ...['sh', '-c', `umask ${umask}; "$@" </dev/null >/dev/null ${to}`, 'sh', 'prlimit', limit],
    ...[...COMMAND, '--root', root, command, '--bundle', bundle, id],
  ]);
}

test.each([
  ['create', '022'],
  // What is made does not have its mode at once.
  ['create', '077'],
  ['run', '022'],
  ['run', '077'],
] as const)(
  '%s leaves nothing, however few descriptors there are, with a umask of %s',
  async (command, umask) => {
    if (onNode) return;
    const { root, id } = scene;
    const bundle = scene.make('true', ({ process }) => {
      if (process !== undefined) process.rlimits = [];
    });
    const errors = new Set<string>();
    let count = 3;
    for (; ; count++) {
      const { status, stderr } = await limited(
        `--nofile=${count}:${count}`,
        command,
        bundle.path,
        umask,
      );
      if (status === 0) break;
      expect([status, leftOf({ id, root, bundle: bundle.path })], stderr).toEqual([1, []]);
      expect(stderr).toMatch(/^tsrun: .*: too many open files\n$/);
      errors.add(stderr);
    }
    expect(errors.size).toBeGreaterThan(5);
    expect(count).toBeLessThan(40);
  },
);

test.each(['create', 'run'] as const)('%s says that it may write no file', async (command) => {
  const { root, id } = scene;
  const bundle = scene.make('true');
  const { status, stderr } = await limited('--fsize=0:0', command, bundle.path);
  expect(stderr).toMatch(/^tsrun: cannot write \S+state\.json: file too large\n$/);
  expect([status, leftOf({ id, root, bundle: bundle.path })]).toEqual([1, []]);
});

test('a program that may write no file gets the signal for it', async () => {
  const { root, id } = scene;
  const bundle = scene.make(
    'grep SigIgn /proc/self/status; (echo x >/dev/shm/x); echo $?',
    ({ process }) => {
      if (process !== undefined) process.rlimits = [{ type: 'RLIMIT_FSIZE', soft: 0, hard: 0 }];
    },
  );
  const { status, stdout } = await runProgram([
    ...COMMAND,
    ...['--root', root, 'run', '--bundle', bundle.path, id],
  ]);
  expect([status, stdout]).toEqual([0, `SigIgn:\t0000000000000000\n${128 + 25}\n`]);
});
