/** What a failing hook does, by its kind (runtime-spec runtime.md, Lifecycle). */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Hook, Spec } from '../../src/spec/types.js';
import type { Bundle } from '../support/bundle.js';
import { stateOf, useScene } from '../support/scene.js';
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
