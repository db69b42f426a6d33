/** Row 19: /etc/passwd and /etc/group of an image that are larger than anybody has memory for. */

import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { useScene } from '../support/scene.js';

const scene = useScene();

/** Less than the file, and enough for Node. */
const LIMITED = ['prlimit', `--data=${(800 << 20).toString()}`, '--'];

const REFUSAL = 'cannot read /etc/passwd of the root file system: it is larger than 1 MiB';

test('a file over 1 MiB is refused, in bounded memory, and one of 1 MiB is read', async () => {
  const bundle = scene.bundle('echo $HOME');
  const passwd = join(bundle.rootfs, 'etc/passwd');
  truncateSync(passwd, 1 << 20);
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: '/root\n' });
  for (const size of [(1 << 20) + 1, 1 << 30]) {
    truncateSync(passwd, size);
    expect(await scene.run(bundle, [], { prefix: LIMITED })).toMatchObject({
      status: 1,
      stdout: '',
      stderr: `tsrun: ${REFUSAL}\n`,
    });
  }
});

test('exec refuses such a file of a container that runs', async () => {
  const running = await scene.started('exec sleep 1000');
  truncateSync(join(running.bundle.rootfs, 'etc/passwd'), 1 << 30);
  const exec = ['exec', running.id, 'true'];
  expect(await scene.runtime(exec, { prefix: LIMITED })).toMatchObject({
    status: 255,
    stderr: `tsrun: ${REFUSAL}\n`,
  });
  await running.remove();
});

test('/etc/group is not read at all', async () => {
  const bundle = scene.bundle("grep -E '^(Gid|Groups):' /proc/self/status");
  if (bundle.spec.process !== undefined) {
    bundle.spec.process.user = { uid: 1000, gid: 1000, additionalGids: [2000] };
  }
  bundle.write();
  const group = join(bundle.rootfs, 'etc/group');
  writeFileSync(group, '');
  truncateSync(group, 1 << 30);
  const result = await scene.run(bundle, [], { prefix: LIMITED });
  expect(result).toMatchObject({
    status: 0,
    stdout: 'Gid:\t1000\t1000\t1000\t1000\nGroups:\t2000 \n',
    stderr: '',
  });
});

test.each([
  ['one line', 'x'.repeat(1 << 20)],
  ['empty lines', '\n'.repeat(1 << 20)],
  ['empty fields', ':'.repeat(1 << 20)],
  ['users of the same id', 'u:x:0:0::/home/u:\n'.repeat((1 << 20) / 18)],
])('a file of 1 MiB is read at once, and not longer: %s', async (_, text) => {
  const bundle = scene.bundle('echo $HOME');
  writeFileSync(join(bundle.rootfs, 'etc/passwd'), text);
  const bounded = { prefix: ['timeout', '--signal=KILL', '10', ...LIMITED] };
  const result = await scene.run(bundle, [], bounded);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  expect(result.stdout).toBe(text.startsWith('u') ? '/home/u\n' : '/\n');
});
