/** A state directory that cannot be written to: one clear line, and nothing is left. */

import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';

import { useLibrary } from '../support/library.js';
import { leftOf } from '../support/left.js';
import { COMMAND, runProgram } from '../support/tsrun.js';

const scene = useLibrary();

test.each([
  [
    'is full',
    'size=4k',
    `head -c 4096 /dev/zero >$1/filler`,
    /^tsrun: cannot write \S+: no space left on device\n$/,
  ],
  [
    'has no more files',
    'nr_inodes=1',
    '',
    /^tsrun: cannot make state directory \S+: no space left on device\n$/,
  ],
  ['is read-only', 'ro', '', /^tsrun: cannot make state directory \S+: read-only file system\n$/],
])('a state directory that %s', async (_, options, prepare, message) => {
  const { root, id } = scene;
  const bundle = scene.make('true');
  mkdirSync(root);
  const script = `
      mount -t tmpfs -o ${options} none "$1"
      ${prepare}
      shift
      "$@"
      echo "status $?, left:" $(ls ${root})
    `;
  const { stdout, stderr } = await runProgram([
    ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', root],
    ...[...COMMAND, '--root', root, 'run', '--bundle', bundle.path, id],
  ]);
  expect(stderr).toMatch(message);
  expect(stdout.replace(' filler', '')).toBe('status 1, left:\n');
  expect(leftOf({ id, root, bundle: bundle.path })).toEqual([]);
});
