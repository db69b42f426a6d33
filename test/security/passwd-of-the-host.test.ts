/** The image's /etc/passwd is a link: what it leads to is looked for in the image. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { processOf } from '../support/inside.js';
import { useScene } from '../support/scene.js';

const scene = useScene();

const UID = 4321;
const directory = mkdtempSync(join(tmpdir(), 'tsrun-passwd-'));
const passwd = join(directory, 'passwd');
const line = (home: string): string => `user:x:${UID}:${UID}::${home}:/bin/sh\n`;
writeFileSync(passwd, line('/of-the-host'));

afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('by create and by exec', async () => {
  const container = await scene.started('exec sleep 1000');
  const { bundle } = container;
  const target = join(bundle.rootfs, 'etc/passwd');
  const home = async (): Promise<[string, string]> => {
    const exec = await scene.runtime(
      ['exec', '--user', `${UID}:${UID}`, container.id, 'sh', '-c', 'echo $HOME'],
      {},
    );
    const run = await scene.run(bundle);
    expect([exec.stderr, run.stderr]).toEqual(['', '']);
    return [exec.stdout, run.stdout];
  };
  const process = processOf(bundle.spec);
  process.user = { uid: UID, gid: UID };
  process.args = ['sh', '-c', 'echo $HOME'];
  bundle.write();
  rmSync(target, { force: true });
  symlinkSync(passwd, target);
  expect(await home()).toEqual(['/\n', '/\n']);
  mkdirSync(join(bundle.rootfs, directory), { recursive: true });
  writeFileSync(join(bundle.rootfs, passwd), line('/of-the-image'));
  expect(await home()).toEqual(['/of-the-image\n', '/of-the-image\n']);
  await container.remove();
});
