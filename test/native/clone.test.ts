/** How the container's first process comes into its cgroup, with clone3 and without. */

import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { loadNative } from '../../src/native/node.js';
import type { Spec } from '../../src/spec/types.js';
import { REPOSITORY } from '../support/library.js';
import { cgroupsOf } from '../support/left.js';
import { useScene } from '../support/scene.js';
import { setSubreaper, waitFor } from '../support/shim.js';
import { newId } from '../support/tsrun.js';

const CLONE3 = 435;
/** For what should end at once, and is ended otherwise. */
const PATIENCE_MS = 5_000;
const UNIFIED = '/sys/fs/cgroup/unified';

describe('a helper in a frozen cgroup', () => {
  let path: string;
  beforeEach(() => {
    path = join(UNIFIED, newId());
    mkdirSync(path);
    writeFileSync(join(path, 'cgroup.freeze'), '1');
  });
  afterEach(() => {
    rmdirSync(path);
  });

  test('is born there: it has not come out of clone3', async () => {
    const native = loadNative();
    const fd = openSync(path, 'r');
    const request = {
      cloneFlags: 0,
      earlyNamespaces: 0,
      cgroupFd: fd,
      preserve: [],
      fds: [],
      slots: 0,
      trace: false,
    };
    const spawned = native.spawn({
      ...request,
      stdio: [-1, -1, -1],
      steps: [{ op: 'session', at: '' }],
    });
    closeSync(fd);
    if (typeof spawned === 'number') throw new Error(native.strerror(-spawned));
    const { pid, pidfd, socket } = spawned;
    const there = readFileSync(`/proc/${pid.toString()}/cgroup`, 'utf8');
    expect(there).toContain(`0::/${path.split('/').at(-1) ?? ''}\n`);
    // A process that is moved runs before, and is stopped in some call of its own.
    const call = (): string => readFileSync(`/proc/${pid.toString()}/syscall`, 'utf8');
    await expect.poll(call).not.toBe('running\n');
    expect(Number(call().split(' ')[0])).toBe(CLONE3);
    expect(readlinkSync(`/proc/${pid.toString()}/exe`)).toBe(readlinkSync('/proc/self/exe'));
    writeFileSync(join(path, 'cgroup.kill'), '1');
    expect(await waitFor(pid)).toMatchObject({ signal: 9 });
    native.close(pidfd);
    native.close(socket);
  });
});

/** Ours, orphans that came to us and zombies too. */
function children(): number[] {
  const text = readFileSync(`/proc/self/task/${process.pid.toString()}/children`, 'utf8');
  return text.trim().split(/\s+/).map(Number);
}

describe('where clone3 is answered ENOSYS', () => {
  const scene = useScene();
  const script = join(REPOSITORY, 'test/support/without-call.mjs');
  const prefix = [process.execPath, script, CLONE3.toString()];

  test('the filter does what it says', async () => {
    // Node itself starts programs by another call then.
    const result = await scene.runtime(['--version'], { prefix });
    expect(result.status).toBe(0);
  });

  const hooks = (bundle: string): Spec['hooks'] => {
    const hook = (where: string, name: string) => ({
      path: '/bin/sh',
      args: ['sh', '-c', `echo ${name} >> ${where}/hooks`],
    });
    return {
      createRuntime: [hook(bundle, 'createRuntime')],
      createContainer: [hook(bundle, 'createContainer')],
      startContainer: [hook('/tmp', 'startContainer')],
    };
  };

  test('a container runs, in its cgroup, with hooks, and takes an exec', async () => {
    const bundle = scene.bundle('exec sleep 1000');
    bundle.spec.hooks = hooks(bundle.path) ?? {};
    if (bundle.spec.root !== undefined) bundle.spec.root.readonly = false;
    bundle.write();
    const id = newId();
    const create = ['create', '--bundle', bundle.path, '--pid-file', join(bundle.path, 'pid'), id];
    setSubreaper(true);
    const quiet = ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'];
    expect((await scene.runtime(create, { prefix, stdio: quiet })).status).toBe(0);
    const pid = Number(readFileSync(join(bundle.path, 'pid'), 'utf8'));
    scene.expectOrphan(pid);
    expect((await scene.runtime(['start', id], { prefix })).status).toBe(0);
    const [cgroup = ''] = cgroupsOf(id);
    expect(readFileSync(join(cgroup, 'cgroup.procs'), 'utf8')).toBe(`${pid.toString()}\n`);
    // The cgroup namespace begins at the cgroup: it was entered after the move.
    const exec = ['exec', id, 'sh', '-c', 'cat /proc/self/cgroup; echo $$'];
    const executed = await scene.runtime(exec, { prefix });
    expect(executed).toMatchObject({ status: 0, stderr: '' });
    expect(executed.stdout).toContain('0::/\n');
    expect(readFileSync(join(bundle.path, 'hooks'), 'utf8')).toBe(
      'createRuntime\ncreateContainer\n',
    );
    expect(readFileSync(join(bundle.rootfs, 'tmp/hooks'), 'utf8')).toBe('startContainer\n');
    expect((await scene.runtime(['delete', '--force', id], { prefix })).status).toBe(0);
  });

  test('a runtime that is killed before it has moved the process leaves none', async () => {
    const container = await scene.started('exec sleep 1000');
    const [cgroup = ''] = cgroupsOf(container.id);
    const before = children();
    // At its first write to the file that moves a process.
    const strace = [
      ...['strace', '--quiet=all', '--output=/dev/null', `--trace-path=${cgroup}/cgroup.procs`],
      ...['--trace=write', '--inject=write:error=EIO:signal=KILL', '--'],
    ];
    const killed = await scene.runtime(['exec', container.id, 'true'], {
      prefix: [...prefix, ...strace],
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    expect(killed.status).toBe(128);
    const orphans = children().filter((pid) => !before.includes(pid) && pid !== container.pid);
    expect(orphans).toHaveLength(1);
    for (const pid of orphans) {
      const late = setTimeout(() => process.kill(pid, 'SIGKILL'), PATIENCE_MS);
      // It has ended by itself.
      expect(await waitFor(pid)).toEqual({ status: 127, signal: 0 });
      clearTimeout(late);
    }
    await container.remove();
  });
});
