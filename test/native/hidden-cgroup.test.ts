/** A container whose cgroup cannot be seen where it was made: that says nothing about whether it is there. */

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { UNIFIED } from '../support/cgroup-mounts.js';
import { stateOf, useScene } from '../support/scene.js';
import type { Running } from '../support/scene.js';
import { waitFor } from '../support/shim.js';

const scene = useScene();
const PARENT = `${UNIFIED}/tsrun-test-${String(process.pid)}`;
const CGROUP = `${PARENT}/part/c`;
const OTHER = `${PARENT}/other`;

/** In mount and cgroup namespaces that the command alone has. */
function after(script: string): string[] {
  const whole = `${script}\nexec "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', whole, 'sh'];
}

const NOT_MOUNTED = after(`mount -t tmpfs none ${UNIFIED}`);
const HIDDEN: [string, string[], string][] = [
  ['is not mounted', NOT_MOUNTED, `${UNIFIED} is in no hierarchy of cgroup v2`],
  [
    'is that of a cgroup namespace',
    after(`echo $$ >${OTHER}/cgroup.procs
exec unshare --cgroup sh -ec 'mount -t cgroup2 none ${UNIFIED}
exec "$@"' sh "$@"`),
    `${UNIFIED} shows another part of the hierarchy`,
  ],
  [
    'is bound in part',
    after(`mount --bind ${OTHER} ${UNIFIED}`),
    `${UNIFIED} shows another part of the hierarchy`,
  ],
  ['is covered', after(`mount -t tmpfs none ${PARENT}`), 'something is mounted on its path'],
];

const place = (spec: Spec): void => {
  if (spec.linux !== undefined) spec.linux.cgroupsPath = CGROUP.slice(UNIFIED.length);
};

beforeEach(() => {
  mkdirSync(OTHER, { recursive: true });
});

afterEach(() => {
  for (const path of [CGROUP, `${PARENT}/part`, OTHER, PARENT]) {
    if (existsSync(path)) rmdirSync(path);
  }
});

async function stopped(): Promise<Running> {
  const running = await scene.started('exec sleep 1000', place);
  process.kill(running.pid, 'SIGKILL');
  await waitFor(running.pid);
  expect((await stateOf(scene.runtime, running.id)).status).toBe('stopped');
  return running;
}

const removed = (id: string) => ({
  ...{ status: 0, stdout: '' },
  stderr:
    `tsrun: warning: container "${id}" is removed without its cgroup ${CGROUP}: ` +
    `no hierarchy of cgroup v2 shows whether it is there, and whether processes are left in it\n`,
});

describe.each(HIDDEN)('where the hierarchy %s', (_, prefix, reason) => {
  test('a stopped container is deleted by force alone, which leaves the cgroup', async () => {
    const { id } = await stopped();
    expect(await scene.runtime(['delete', id], { prefix })).toEqual({
      ...{ status: 1, signal: null, stdout: '' },
      stderr:
        `tsrun: cannot look at cgroup ${CGROUP}: ${reason}: mount it there again, ` +
        'or remove the container without its cgroup (delete --force)\n',
    });
    expect(scene.runtime.leftover()).toEqual([id]);
    const forced = await scene.runtime(['delete', '--force', id], { prefix });
    expect(forced).toMatchObject(removed(id));
    expect(scene.runtime.leftover()).toEqual([]);
    expect(existsSync(CGROUP)).toBe(true);
  });

  test('one that runs has no status, and is ended by force', async () => {
    const { id, pid } = await scene.started('exec sleep 1000', place);
    const shown = await scene.runtime(['state', id], { prefix });
    expect(shown).toMatchObject({ status: 1, stdout: '' });
    expect(shown.stderr).toContain(`cannot look at cgroup ${CGROUP}: ${reason}`);
    const list = await scene.runtime(['list', '--format', 'json'], { prefix });
    expect(JSON.parse(list.stdout)).toMatchObject([{ id, status: 'unknown' }]);
    const ended = waitFor(pid);
    const forced = await scene.runtime(['delete', '--force', id], { prefix });
    expect(forced).toMatchObject(removed(id));
    await ended;
    expect(scene.runtime.leftover()).toEqual([]);
  });
});

test('by force the rest of a damaged state goes, too', async () => {
  const { id } = await stopped();
  const file = join(scene.runtime.root, id, 'state.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"version":\d+/g, '"version":"?"'));
  const forced = await scene.runtime(['delete', '--force', id], { prefix: NOT_MOUNTED });
  expect(forced).toMatchObject(removed(id));
  expect(scene.runtime.leftover()).toEqual([]);
});

test('of an earlier boot there is no cgroup to look for', async () => {
  const { id, pid } = await scene.started('exec sleep 1000', place);
  const file = join(scene.runtime.root, id, 'state.json');
  const text = readFileSync(file, 'utf8');
  // Of a state root on a tmpfs the state has no boot.
  const earlier = text.includes('"boot":')
    ? text.replace(/"boot":"[^"]*"/g, '"boot":"of-then"')
    : text.replace(/^(\{"version":.*)\}$/gm, '$1,"boot":"of-then"}');
  writeFileSync(file, earlier);
  const prefix = NOT_MOUNTED;
  expect((await stateOf(scene.runtime, id)).status).toBe('stopped');
  const deleted = await scene.runtime(['delete', id], { prefix });
  expect(deleted).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
  // What has its number now is another process.
  process.kill(pid, 'SIGKILL');
  await waitFor(pid);
});
