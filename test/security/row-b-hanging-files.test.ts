/** Row B: /etc/passwd of an image, which the runtime reads from outside for HOME, is no file, or nobody serves it. */

import { closeSync, mkdirSync, readFileSync, readSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { call, int } from '../support/libc.js';
import type { Bundle } from '../support/bundle.js';
import { useScene } from '../support/scene.js';
import { newId, runProgram } from '../support/tsrun.js';

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

test('exec reads no file of the kernel that the container has mounted there', async () => {
  // Of which it chooses the contents: its arguments.
  const name = 'x:x:0:0:x:/home:';
  const script = `mount --bind /proc/1/cmdline /etc/passwd && mkdir -p "/tmp/${name}" &&
    ln -s /bin/busybox "/tmp/${name}/sleep" && cd /tmp && exec "${name}/sleep" 1000`;
  const running = await scene.started(script, (spec) => {
    if (spec.root !== undefined) spec.root.readonly = false;
    for (const set of ['bounding', 'effective', 'permitted'] as const) {
      spec.process?.capabilities?.[set]?.push('CAP_SYS_ADMIN');
    }
  });
  while (readFileSync(`/proc/${String(running.pid)}/comm`, 'utf8') !== 'sleep\n') {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const show = 'echo $HOME; cut -d: -f6 /etc/passwd | head -n 1';
  const result = await scene.runtime(['exec', running.id, 'sh', '-c', show]);
  expect(result).toMatchObject({ status: 0, stdout: '/\n/home\n' });
  await running.remove();
});

/** A file system of the container's own that nobody serves: whoever looks into it waits for ever. */
function fuse(bundle: Bundle, device: string, userNamespace: boolean): void {
  const { spec } = bundle;
  const { capabilities } = spec.process ?? {};
  for (const set of ['bounding', 'effective', 'permitted'] as const) {
    capabilities?.[set]?.push('CAP_SYS_ADMIN');
  }
  spec.mounts?.push({ destination: '/dev/fuse', type: 'bind', source: device, options: ['bind'] });
  const { linux } = spec;
  if (linux === undefined) return;
  linux.resources = { devices: [{ allow: true, access: 'rwm' }] };
  if (userNamespace) {
    const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    linux.namespaces?.push({ type: 'user' });
    Object.assign(linux, { uidMappings: mapping, gidMappings: mapping });
  }
  bundle.write();
}

const SERVE_NOBODY = `exec 9<>/dev/fuse
  mount -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0,allow_other none /etc || exit 1
  echo mounted > /tmp/told; exec sleep 1000`;

test.each([true, false])(
  'a hanging file system on /etc keeps no command (user namespace: %s)',
  async (userNamespace) => {
    const bundle = scene.bundle(SERVE_NOBODY, (spec) => {
      if (spec.root !== undefined) spec.root.readonly = false;
    });
    const device = join(bundle.path, 'fuse');
    await program('mknod', '-m', '666', device, 'c', '10', '229');
    await program('mkfifo', '-m', '666', join(bundle.rootfs, 'tmp/told'));
    await program('chmod', '755', bundle.path);
    if (userNamespace) await program('chown', '-R', '100000:100000', bundle.rootfs);
    fuse(bundle, device, userNamespace);
    const id = newId();
    const quiet = ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'];
    const create = ['create', '--bundle', bundle.path, id];
    expect((await scene.runtime(create, { stdio: quiet })).status).toBe(0);
    expect((await scene.runtime(['start', id])).status).toBe(0);
    await program('timeout', '20', 'cat', join(bundle.rootfs, 'tmp/told'));
    // The kernel keeps who is not of the user namespace out of it (fuse(4), allow_other).
    const executed = scene.runtime(['exec', id, 'sh', '-c', 'echo $HOME']);
    if (userNamespace) expect(await executed).toMatchObject({ status: 0, stdout: '/\n' });
    // Root of the machine may keep its own process waiting, and nobody else's.
    const bounded = { prefix: ['timeout', '--signal=KILL', '20'] };
    const deleted = await scene.runtime(['delete', '--force', id], bounded);
    if (deleted.status !== 0) await scene.runtime(['kill', id, 'KILL']);
    await executed;
    expect(deleted).toMatchObject({ status: 0, stderr: '' });
  },
);
