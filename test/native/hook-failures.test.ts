/** What a failing hook does, by its kind (runtime-spec runtime.md, Lifecycle). */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Hook, Spec } from '../../src/spec/types.js';
import type { Bundle } from '../support/bundle.js';
import { stateOf, useScene } from '../support/scene.js';
import { waitFor } from '../support/shim.js';
import { newId } from '../support/tsrun.js';

const scene = useScene();
const QUIET = { stdio: ['ignore', 'ignore', 'ignore'] as ['ignore', 'ignore', 'ignore'] };

type Kind = keyof NonNullable<Spec['hooks']>;

/** Its poststop hook leaves `stopped` in the bundle, its program `ran` in /tmp. */
function failing(kind: Kind, hook: Hook): Bundle {
  const bundle = scene.bundle('echo ran > /tmp/ran; exec sleep 1000');
  if (bundle.spec.root !== undefined) bundle.spec.root.readonly = false;
  const poststop = {
    path: '/bin/sh',
    args: ['sh', '-c', `cat > ${bundle.path}/stopped`],
    env: ['PATH=/usr/bin:/bin'],
  };
  bundle.spec.hooks = { poststop: [poststop] };
  bundle.spec.hooks[kind] = [hook, ...(bundle.spec.hooks[kind] ?? [])];
  bundle.write();
  return bundle;
}

const SH = (script: string, more: Partial<Hook> = {}): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  env: ['PATH=/usr/bin:/bin'],
  ...more,
});

const stopped = (bundle: Bundle): unknown =>
  JSON.parse(readFileSync(join(bundle.path, 'stopped'), 'utf8'));

const OF_CREATE = ['prestart', 'createRuntime', 'createContainer'] as const;

test.each(OF_CREATE)('a %s hook that fails ends create, and nothing is left', async (kind) => {
  const bundle = failing(kind, SH('echo the reason >&2; exit 3'));
  const pidFile = join(bundle.path, 'pid');
  const create = ['create', '--pid-file', pidFile, '--bundle', bundle.path, newId()];
  const result = await scene.runtime(create);
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(new RegExp(`^tsrun: /hooks/${kind}/0: [^\\n]*/bin/sh[^\\n]*\\n$`));
  expect(result.stderr).toContain('exit status 3');
  expect(result.stderr).toContain('the reason');
  expect(existsSync(pidFile)).toBe(false);
  // Steps 12 and 13: undone, and the poststop hooks run.
  expect(stopped(bundle)).toMatchObject({ status: 'stopped' });
});

test.each(['startContainer', 'poststart'] as const)(
  'a %s hook that fails ends start, and the container is stopped',
  async (kind) => {
    const bundle = failing(kind, SH('exit 3'));
    const id = newId();
    expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
    scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
    const result = await scene.runtime(['start', id]);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(new RegExp(`^tsrun: /hooks/${kind}/0: [^\\n]*exit status 3\\n$`));
    expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
    expect(existsSync(join(bundle.rootfs, 'tmp/ran'))).toBe(kind === 'poststart');
    expect((await scene.runtime(['delete', id])).status).toBe(0);
    expect(stopped(bundle)).toMatchObject({ id, status: 'stopped' });
  },
);

test.each([...OF_CREATE, 'startContainer', 'poststart'] as const)(
  'a %s hook that fails ends run, with poststop and nothing left',
  async (kind) => {
    const bundle = failing(kind, SH('exit 3'));
    const result = await scene.run(bundle);
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(new RegExp(`^tsrun: /hooks/${kind}/0: [^\\n]*exit status 3\\n$`));
    expect(stopped(bundle)).toMatchObject({ status: 'stopped' });
  },
);

test('a poststop hook that fails is a warning, and the next one runs', async () => {
  const bundle = failing('poststop', SH('exit 3'));
  const config = join(bundle.path, 'config.json');
  writeFileSync(config, readFileSync(config, 'utf8').replace('exec sleep 1000', 'exit 4'));
  const result = await scene.run(bundle);
  expect(result.status).toBe(4);
  expect(result.stderr).toMatch(/^tsrun: warning: \/hooks\/poststop\/0: [^\n]*exit status 3\n$/);
  expect(stopped(bundle)).toMatchObject({ status: 'stopped' });
});

test.each([...OF_CREATE, 'startContainer', 'poststart'] as const)(
  'a %s hook that outlives its timeout is ended, and failed',
  async (kind) => {
    // exec: not a shell that leaves a child behind.
    const bundle = failing(kind, SH('exec sleep 1000', { timeout: 1 }));
    const result = await scene.run(bundle);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(
      new RegExp(`^tsrun: /hooks/${kind}/0: [^\\n]*timeout of 1 s\\n$`),
    );
    expect(stopped(bundle)).toMatchObject({ status: 'stopped' });
  },
);

test.each(['prestart', 'createContainer', 'startContainer', 'poststart'] as const)(
  'a %s hook that is not there, or dies of a signal',
  async (kind) => {
    const missing = await scene.run(failing(kind, { path: '/no/such/hook' }));
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(
      new RegExp(
        `^tsrun: /hooks/${kind}/0: [^\\n]*/no/such/hook[^\\n]*no such file or directory\\n$`,
      ),
    );
    const killed = await scene.run(failing(kind, SH('kill -SEGV $$')));
    expect(killed.status).toBe(1);
    expect(killed.stderr).toMatch(new RegExp(`^tsrun: /hooks/${kind}/0: [^\\n]*signal 11\\n$`));
  },
);

test('a hook that prints without end is ended by its timeout, and its message is short', async () => {
  const bundle = failing('createRuntime', SH('exec yes', { timeout: 1 }));
  const result = await scene.run(bundle, [], { prefix: ['timeout', '-s', 'KILL', '20'] });
  expect(result).toMatchObject({ status: 1, stdout: '' });
  expect(result.stderr).toMatch(
    /^tsrun: \/hooks\/createRuntime\/0: [^\n]*timeout of 1 s: [y ]{2000,2100}\n$/,
  );
});

/** In the runtime's pid namespace, where a hook's processes do not end with the container. */
function withoutPidNamespace(bundle: Bundle): Bundle {
  const { linux } = bundle.spec;
  if (linux === undefined) return bundle;
  linux.namespaces = linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
  bundle.write();
  return bundle;
}

/** The state letter of a process, undefined when it is gone. */
function letterOf(pid: number): string | undefined {
  try {
    return /\) (.)/.exec(readFileSync(`/proc/${pid.toString()}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

test.each(['createRuntime', 'startContainer', 'poststart'] as const)(
  'the timeout of a %s hook ends what the hook has started',
  async (kind) => {
    const inside = kind === 'startContainer';
    const place = (bundle: string): string => (inside ? '/tmp/pid' : `${bundle}/pid`);
    const bundle = withoutPidNamespace(failing(kind, SH('')));
    bundle.spec.hooks![kind]![0] = SH(
      `sh -c 'sleep 1000 & echo $! > ${place(bundle.path)}; wait' & exec sleep 1000`,
      { timeout: 1 },
    );
    bundle.write();
    const id = newId();
    const created = await scene.runtime(['create', '--bundle', bundle.path, id], QUIET);
    expect(created.status).toBe(kind === 'createRuntime' ? 1 : 0);
    if (kind !== 'createRuntime') {
      scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
      expect((await scene.runtime(['start', id])).stderr).toContain('timeout of 1 s');
    }
    const file = join(inside ? `${bundle.rootfs}/tmp` : bundle.path, 'pid');
    const pid = Number(readFileSync(file, 'utf8'));
    expect(pid).toBeGreaterThan(1);
    // Killed by now, and perhaps not reaped.
    await expect.poll(() => letterOf(pid) ?? 'Z', { timeout: 10_000 }).toBe('Z');
    await waitFor(pid).catch(() => undefined);
    if (kind !== 'createRuntime') {
      expect((await scene.runtime(['delete', '--force', id])).status).toBe(0);
    }
  },
);

test.each(['createRuntime', 'poststart'] as const)(
  'what a %s hook leaves running goes on when it has succeeded',
  async (kind) => {
    const bundle = scene.bundle('exec sleep 1000');
    bundle.spec.hooks = {
      [kind]: [SH(`sleep 1000 & echo $! > ${bundle.path}/pid`, { timeout: 100 })],
    };
    bundle.write();
    const id = newId();
    expect((await scene.runtime(['create', '--bundle', bundle.path, id], QUIET)).status).toBe(0);
    scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
    expect((await scene.runtime(['start', id])).status).toBe(0);
    const pid = Number(readFileSync(join(bundle.path, 'pid'), 'utf8'));
    expect(letterOf(pid)).toMatch(/[SR]/);
    process.kill(pid, 'SIGKILL');
    expect(await waitFor(pid)).toMatchObject({ signal: 9 });
    expect((await scene.runtime(['delete', '--force', id])).status).toBe(0);
  },
);

test.each(['createContainer', 'startContainer'] as const)(
  'a %s hook may print without bound, into nothing that is kept',
  async (kind) => {
    const bundle = scene.bundle('echo done');
    const where = kind === 'startContainer' ? '/tmp' : bundle.path;
    const script = `exec 3>&1; to=$(readlink /proc/self/fd/3); echo $to > ${where}/output; head -c 20000000 /dev/zero`;
    bundle.spec.hooks = { [kind]: [SH(script)] };
    if (bundle.spec.root !== undefined) bundle.spec.root.readonly = false;
    bundle.write();
    expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: 'done\n', stderr: '' });
    const output = join(kind === 'startContainer' ? `${bundle.rootfs}/tmp` : bundle.path, 'output');
    // A memory file would hold all of it, at the container's expense.
    expect(readFileSync(output, 'utf8')).toMatch(/^pipe:/);
    const failed = failing(kind, SH('yes | head -c 20000000; exit 3'));
    const result = await scene.run(failed);
    expect(result.stderr).toMatch(/exit status 3: [y ]{1000,1030}\n$/);
  },
);
