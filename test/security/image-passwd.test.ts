/** /etc/passwd of an image, which the runtime reads from outside for HOME, may be anything. */

import { closeSync, mkdirSync, readSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { call, int } from '../support/libc.js';
import { useScene } from '../support/scene.js';
import { runProgram } from '../support/tsrun.js';

const scene = useScene();

const IN_NONBLOCK = 0o4000;
const IN_OPEN = 0x20;

const program = async (file: string, ...args: string[]): Promise<void> => {
  expect(await runProgram([file, ...args])).toMatchObject({ status: 0 });
};

const KINDS: Record<string, (path: string) => Promise<void> | void> = {
  'a character device': (path) => program('mknod', path, 'c', '1', '3'),
  'a block device': (path) => program('mknod', path, 'b', '7', '0'),
  'a fifo': (path) => program('mkfifo', path),
  'a directory': (path) => {
    mkdirSync(path);
  },
};

/** Whether a file is opened, by whomever, while `during` runs (inotify(7)). */
async function isOpened(path: string, during: () => Promise<void>): Promise<boolean> {
  const inotify = int(call('inotify_init1', IN_NONBLOCK));
  expect(inotify).toBeGreaterThan(0);
  expect(int(call('inotify_add_watch', inotify, Buffer.from(`${path}\0`), IN_OPEN))).toBe(1);
  await during();
  try {
    return readSync(inotify, Buffer.alloc(4096)) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    return false;
  } finally {
    closeSync(inotify);
  }
}

test.each(Object.keys(KINDS))('%s is not opened, whether it is a link or not', async (kind) => {
  for (const linked of [false, true]) {
    const bundle = scene.bundle('echo $HOME');
    const passwd = join(bundle.rootfs, 'etc/passwd');
    const file = linked ? join(bundle.rootfs, 'etc/other') : passwd;
    rmSync(passwd);
    await KINDS[kind]?.(file);
    if (linked) symlinkSync('/etc/other', passwd);
    const opened = await isOpened(file, async () => {
      expect(await scene.run(bundle)).toEqual({
        ...{ status: 0, signal: null, stderr: '' },
        // Nobody says otherwise.
        stdout: '/\n',
      });
    });
    expect(opened).toBe(false);
  }
});

test('the watch would see it, and a regular file is read', async () => {
  const bundle = scene.bundle('echo $HOME');
  const opened = await isOpened(join(bundle.rootfs, 'etc/passwd'), async () => {
    expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: '/root\n' });
  });
  expect(opened).toBe(true);
});

test('a file over 1 MiB is refused, in bounded memory, and one of 1 MiB is read', async () => {
  const bundle = scene.bundle('echo $HOME');
  const passwd = join(bundle.rootfs, 'etc/passwd');
  truncateSync(passwd, 1 << 20);
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: '/root\n' });
  truncateSync(passwd, 1 << 30);
  const refusal = 'cannot read /etc/passwd of the root file system: it is larger than 1 MiB';
  const limited = ['prlimit', `--data=${(800 << 20).toString()}`, '--'];
  expect(await scene.run(bundle, [], { prefix: limited })).toMatchObject({
    status: 1,
    stderr: `tsrun: ${refusal}\n`,
  });
  truncateSync(passwd, 0);
  const running = await scene.started('exec sleep 1000');
  truncateSync(join(running.bundle.rootfs, 'etc/passwd'), 1 << 30);
  expect(await scene.runtime(['exec', running.id, 'true'])).toMatchObject({
    status: 255,
    stderr: `tsrun: ${refusal}\n`,
  });
  await running.remove();
});

test('exec looks through the root of the process in the same way', async () => {
  const running = await scene.started('exec sleep 1000');
  const passwd = join(running.bundle.rootfs, 'etc/passwd');
  rmSync(passwd);
  await program('mknod', passwd, 'c', '1', '3');
  const opened = await isOpened(passwd, async () => {
    const result = await scene.runtime(['exec', running.id, 'sh', '-c', 'echo $HOME']);
    expect(result).toMatchObject({ status: 0, stdout: '/\n' });
  });
  expect(opened).toBe(false);
  await running.remove();
});
