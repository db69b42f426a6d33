/**
 * Where a process cannot be looked at, its container is not taken for stopped: `delete` without
 * `--force` would kill and remove it.
 */

import { mkdtempSync, openSync, closeSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { buildInjector, inject } from '../support/inject.js';
import { stateOf, useScene } from '../support/scene.js';
import { COMMAND } from '../support/tsrun.js';

const scene = useScene();

const COMMANDS: readonly (readonly string[])[] = [['state'], ['delete'], ['kill'], ['exec']];
const words = (command: string, id: string): string[] => [
  command,
  id,
  ...(command === 'exec' ? ['/bin/true'] : []),
  ...(command === 'kill' ? ['KILL'] : []),
];

/** Other file systems that a caller may have on /proc. */
const PROCS = {
  'another file system': ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"'],
  'the procfs of another pid namespace': [
    ...['unshare', '-m', 'sh', '-c'],
    // Its first process ends with the last one that uses the mount.
    'unshare -p -f sh -c "mount -t proc proc /proc" && exec "$@"',
  ],
};

describe.each(Object.entries(PROCS))('with %s on /proc', (_name, prefix) => {
  test.each(COMMANDS)('%s fails, and the container runs on', async (command) => {
    // Node itself wants its own /proc.
    if (COMMAND.length > 1) return;
    const container = await scene.started('sleep 1000');
    const how = { prefix: [...prefix, 'sh'] };
    const result = await scene.runtime(words(command, container.id), how);
    expect(result.status).toBeGreaterThan(0);
    expect(result.stderr).toMatch(/cannot (read|open|look)/);
    expect(await scene.runtime(['list'], how)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        new RegExp(`\\n${container.id} +${container.pid.toString()} +unknown `),
      ) as string,
    });
    expect(await stateOf(scene.runtime, container.id)).toMatchObject({ status: 'running' });
    await container.remove();
  });
});

describe('when a file cannot be opened for once', () => {
  let directory: string;
  let injector: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tsrun-hidden-proc-'));
    injector = buildInjector(directory);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test('delete without force removes no container that runs', async () => {
    if (COMMAND.length > 1) return;
    const container = await scene.started('sleep 1000');
    const remove = [...COMMAND, '--root', scene.runtime.root, 'delete', container.id];
    const nothing = openSync('/dev/null', 'w');
    const output = [nothing, nothing] as const;
    const once = { target: 'runtime', timeout: 20_000 } as const;
    const { names } = inject(injector, { ...once, mode: 'count' }, remove, [...output]);
    const opens = names.flatMap((name, index) => (name === 'openat' ? [index + 1] : []));
    expect(opens.length).toBeGreaterThan(2);
    for (const call of opens) {
      const fault = { ...once, mode: 'fail', call, errno: 'EMFILE' } as const;
      const { status, injected } = inject(injector, fault, remove, [...output]);
      expect([status, injected], `call ${call.toString()}`).toEqual([1, 'openat']);
      expect(await stateOf(scene.runtime, container.id)).toMatchObject({ status: 'running' });
    }
    closeSync(nothing);
    await container.remove();
  });
});
