/** Flags of run and exec whose effect is seen from inside, or by what is refused. */

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { cgroupsOf } from '../support/left.js';
import { useScene } from '../support/scene.js';
import type { Running } from '../support/scene.js';
import { COMMAND, newId, runProgram } from '../support/tsrun.js';
import type { Result } from '../support/tsrun.js';

const scene = useScene();

describe('run --no-subreaper', () => {
  function hostPids(spec: Spec): void {
    if (spec.linux === undefined) return;
    spec.linux.namespaces = spec.linux.namespaces?.filter(({ type }) => type !== 'pid') ?? [];
  }

  // An orphan that tells who its parent has become: as soon as it is not the one that made it.
  const ORPHAN = `mkfifo /tmp/told
    sh -c 'maker=$$; sh -c "while :; do read -r _ _ _ ppid _ < /proc/\\$\\$/stat;
      test \\$ppid = $maker || break; done; echo \\$ppid > /tmp/told" &'
    read -r adopter < /tmp/told; echo "$adopter $PPID"`;

  test.each([[[]], [['--no-subreaper']]])('%j', async (flags) => {
    const bundle = scene.bundle(ORPHAN, (spec) => {
      hostPids(spec);
      if (spec.root !== undefined) spec.root.readonly = false;
    });
    const result = await scene.run(bundle, flags);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const [adopter, runtime] = result.stdout.trim().split(' ');
    // Without it the next subreaper above is the test.
    expect(adopter).toBe(flags.length === 0 ? runtime : process.pid.toString());
  });
});

describe('--no-new-keyring', () => {
  /** Names of the keyrings that the process can see. */
  const script =
    'while read -r _ _ _ _ _ _ _ type name _; do echo "$type $name"; done < /proc/keys';
  const keys = async (flags: string[]): Promise<{ id: string; names: string[] }> => {
    const bundle = scene.bundle(script, (spec) => {
      if (spec.linux !== undefined) spec.linux.maskedPaths = [];
    });
    const id = newId();
    const result = await scene.runtime(['run', '--bundle', bundle.path, ...flags, id]);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    return { id, names: result.stdout.split('\n') };
  };

  test('without it the container has a session keyring of its own', async () => {
    const { id, names } = await keys([]);
    expect(names.some((name) => name.startsWith(`keyring _ses.${id}.`))).toBe(true);
  });

  test('with it the container has the one of its caller', async () => {
    const { id, names } = await keys(['--no-new-keyring']);
    expect(names.some((name) => name.startsWith(`keyring _ses.${id}`))).toBe(false);
  });

  test('exec follows the container', async () => {
    for (const flags of [[], ['--no-new-keyring']]) {
      const bundle = scene.bundle('exec sleep 1000', (spec) => {
        if (spec.linux !== undefined) spec.linux.maskedPaths = [];
      });
      const id = newId();
      const create = ['create', ...flags, '--bundle', bundle.path, id];
      expect((await scene.runtime(create, { stdio: ['ignore', 'ignore', 'ignore'] })).status).toBe(
        0,
      );
      expect((await scene.runtime(['start', id])).status).toBe(0);
      const { stdout } = await scene.runtime(['exec', id, 'sh', '-c', script]);
      expect(stdout.includes(`_ses.${id}.`)).toBe(flags.length === 0);
      await scene.runtime(['delete', '--force', id]);
    }
  });
});

describe('exec in a frozen cgroup', () => {
  function freeze({ id }: Running, on: boolean): void {
    const [cgroup = ''] = cgroupsOf(id);
    writeFileSync(`${cgroup}/cgroup.freeze`, on ? '1' : '0');
    expect(readFileSync(`${cgroup}/cgroup.freeze`, 'utf8')).toBe(on ? '1\n' : '0\n');
  }

  test('is refused', async () => {
    const container = await scene.started('exec sleep 1000');
    freeze(container, true);
    try {
      const state = JSON.parse((await scene.runtime(['state', container.id])).stdout) as object;
      expect(state).toMatchObject({ status: 'paused' });
      expect(await scene.runtime(['exec', container.id, 'true'])).toMatchObject({
        status: 255,
        stderr: `tsrun: cannot exec in container "${container.id}": it is paused (--ignore-paused waits until it is resumed)\n`,
      });
    } finally {
      freeze(container, false);
    }
    await container.remove();
  });

  test('waits with --ignore-paused until the container goes on', async () => {
    const container = await scene.started('exec sleep 1000');
    freeze(container, true);
    let ended = false;
    let executed: Promise<Result>;
    try {
      executed = runProgram(
        [...COMMAND, '--root', scene.runtime.root, 'exec', '--ignore-paused', container.id].concat([
          'echo',
          'went on',
        ]),
      );
      void executed.then(() => {
        ended = true;
      });
      // It is there, and stands still.
      const [cgroup = ''] = cgroupsOf(container.id);
      const members = (): number =>
        readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').length - 1;
      await expect.poll(members, { timeout: 20_000 }).toBe(2);
      expect(ended).toBe(false);
    } finally {
      freeze(container, false);
    }
    expect(await executed).toMatchObject({ status: 0, stdout: 'went on\n', stderr: '' });
    await container.remove();
  });
});
