/** `exec --process` and `update --resources`: files, fifos, standard input. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { useScene } from '../support/scene.js';
import { COMMAND, runProgram } from '../support/tsrun.js';
import type { Result, RunOptions } from '../support/tsrun.js';

const scene = useScene();

const process = (script: string): string =>
  JSON.stringify({ cwd: '/', args: ['sh', '-c', script], env: ['PATH=/bin'] });

/** bash, for its `<(...)`: $T is the runtime with its state root, $P a process object. */
function bash(script: string, id: string, document: string, options?: RunOptions): Promise<Result> {
  const runtime = [...COMMAND, '--root', scene.runtime.root].join(' ');
  return runProgram(
    ['bash', '-c', `T=${JSON.stringify(runtime)}; ID=$0 P=$1; ${script}`, id, document],
    options,
  );
}

test.each([
  ['a process substitution', '$T exec --process <(sleep 0.3; echo "$P") $ID'],
  [
    'a fifo whose writer waits',
    'F=$(mktemp -u); mkfifo $F; echo "$P" >$F & $T exec --process $F $ID; S=$?; rm $F; exit $S',
  ],
  [
    'a fifo whose writer comes late',
    'F=$(mktemp -u); mkfifo $F; (sleep 0.5; echo "$P" >$F) & $T exec --process $F $ID; S=$?; rm $F; exit $S',
  ],
  ['a pipe as -', '(sleep 0.3; echo "$P") | $T exec --process - $ID'],
  ['a pipe as /dev/stdin', '(sleep 0.3; echo "$P") | $T exec --process /dev/stdin $ID'],
  ['a file as -', 'F=$(mktemp); echo "$P" >$F; $T exec --process - $ID <$F; S=$?; rm $F; exit $S'],
])('exec --process takes %s', async (_, script) => {
  const container = await scene.started('exec sleep 1000');
  // The process has what is left of standard input.
  const result = await bash(script, container.id, process('echo run; cat; exit 7'));
  expect(result).toMatchObject({ status: 7, stdout: 'run\n', stderr: '' });
  await container.remove();
});

test('update --resources takes a fifo', async () => {
  const container = await scene.started('exec sleep 1000');
  const result = await bash(
    '$T update --resources <(sleep 0.3; echo "$P") $ID',
    container.id,
    '{}',
  );
  expect(result).toMatchObject({ status: 0, stdout: '', stderr: '' });
  await container.remove();
});

test('what is larger, and what is neither a file nor a fifo, is refused', async () => {
  const container = await scene.started('exec sleep 1000');
  const file = join(container.bundle.path, 'large');
  writeFileSync(file, ' '.repeat((16 << 20) + 1));
  const refused = async (script: string, message: string): Promise<void> => {
    expect(await bash(script, container.id, file)).toMatchObject({
      stdout: '',
      stderr: `tsrun: cannot read ${message}\n`,
    });
  };
  await refused('cat $P | $T exec --process - $ID', 'standard input: it is larger than 16 MiB');
  await refused('$T exec --process <(cat $P) $ID', '/dev/fd/63: it is larger than 16 MiB');
  await refused('$T exec --process / $ID', '/: is a directory');
  await refused('$T exec --process - $ID </', 'standard input: is a directory');
  await refused(
    '$T exec --process /dev/zero $ID',
    '/dev/zero: it is neither a regular file nor a fifo',
  );
  await refused('$T exec --process - $ID </dev/zero', 'standard input: it is larger than 16 MiB');
  await refused('$T update -r /dev/zero $ID', '/dev/zero: it is neither a regular file nor a fifo');
  await container.remove();
});
