/** Row 3 (CVE-2024-21626): a descriptor of the host's that is left open, or a cwd that leads through one. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { processOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';

const scene = useScene();

/** More than the runtime has open at any time; fewer where each try takes so much longer. */
const NUMBERS = Array.from({ length: COMMAND[0] === process.execPath ? 12 : 24 }, (_, number) =>
  String(number),
);

/** The root of whoever stands where the program begins, if that is not in the container. */
const WHERE = 'pwd; cat ../../../../etc/shadow ../../../../proc/1/comm 2>/dev/null; true';

test('a cwd of /proc/self/fd/N is refused for every N', async () => {
  const bundle = scene.bundle(WHERE);
  for (const number of NUMBERS) {
    for (const cwd of [`/proc/self/fd/${number}`, `/proc/1/fd/${number}`]) {
      processOf(bundle.spec).cwd = cwd;
      bundle.write();
      const result = await scene.run(bundle);
      expect(result).toMatchObject({ status: 1, stdout: '' });
      expect(result.stderr).toContain('/process/cwd');
    }
  }
}, 120_000);

test('an exec with such a cwd is refused for every N', async () => {
  const running = await scene.started('exec sleep 1000');
  for (const number of NUMBERS) {
    const cwd = `/proc/self/fd/${number}`;
    const result = await scene.runtime(['exec', '--cwd', cwd, running.id, 'sh', '-c', WHERE]);
    expect(result).toMatchObject({ status: 255, stdout: '' });
    expect(result.stderr).toContain('cwd');
  }
  await running.remove();
}, 120_000);

test('a cwd through a descriptor of the host that the program is given is refused', async () => {
  const bundle = scene.bundle(WHERE);
  const running = await scene.started('exec sleep 1000');
  // A directory on the host, by a number that is preserved.
  const given = ['sh', '-c', 'exec "$0" "$@" 3<"$HOST"', ...COMMAND, '--root', scene.runtime.root];
  const options = { env: { ...process.env, HOST: bundle.path } };
  processOf(bundle.spec).cwd = '/proc/self/fd/3';
  bundle.write();
  const run = ['run', '--preserve-fds', '1', '--bundle', bundle.path, newId()];
  const made = await runProgram([...given, ...run], options);
  expect(made).toMatchObject({ status: 1, stdout: '' });
  expect(made.stderr).toContain('/process/cwd');
  const exec = ['exec', '--preserve-fds', '1', '--cwd', '/proc/self/fd/3', running.id];
  const joined = await runProgram([...given, ...exec, 'sh', '-c', WHERE], options);
  expect(joined).toMatchObject({ status: 255, stdout: '' });
  expect(joined.stderr).toContain('/cwd');
  await running.remove();
});

test('a program has its three streams open and nothing else', async () => {
  // One by one: who lists a directory has that open.
  const list = `cd /proc/$$/fd; for n in $(seq 0 99); do test -e $n && echo -n "$n "; done; echo`;
  expect(await scene.output(list)).toBe('0 1 2 \n');
  const running = await scene.started('exec sleep 1000');
  const { stdout } = await scene.runtime(['exec', running.id, 'sh', '-c', list]);
  expect(stdout).toBe('0 1 2 \n');
  await running.remove();
});

test('hooks get none of the descriptors that are preserved for the program', async () => {
  const bundle = scene.bundle('cat /mnt/hook; echo "program $(readlink /proc/self/fd/3)"');
  const file = join(bundle.path, 'preserved');
  writeFileSync(file, '');
  mkdirSync(join(bundle.path, 'shared'));
  const look = `echo "hook $(readlink /proc/self/fd/3)" > ${bundle.path}/shared/hook`;
  bundle.spec.hooks = { createContainer: [{ path: '/bin/sh', args: ['sh', '-c', look] }] };
  bundle.spec.mounts?.push({ destination: '/mnt', source: 'shared', options: ['bind'] });
  bundle.write();
  const result = await scene.run(bundle, ['--preserve-fds', '1'], {
    prefix: ['sh', '-c', `exec 3<${file}; exec "$0" "$@"`],
  });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toMatch(/^hook .*\nprogram .*\/preserved\n$/);
  expect(result.stdout).not.toMatch(/hook .*preserved/);
});
