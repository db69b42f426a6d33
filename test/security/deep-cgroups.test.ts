/** A container that may make cgroups makes them so that others can hardly name them. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';

import type { Spec } from '../../src/spec/types.js';
import { useScene } from '../support/scene.js';

const scene = useScene();

/** The container's cgroup, mounted for writing. */
function writable(spec: Spec): void {
  const mount = spec.mounts?.find(({ type }) => type === 'cgroup');
  if (mount !== undefined) mount.options = ['nosuid', 'noexec', 'nodev'];
}

/** 40 levels of 200 bytes: twice PATH_MAX. Ends with the shell in the last one. */
const NEST = `cd /sys/fs/cgroup
  name=$(printf '%0200d' 0)
  i=0; while [ $i -lt 40 ]; do mkdir $name beside$i && cd -P $name || exit 9; i=$((i+1)); done
  echo $$ > cgroup.procs`;

test('nested beyond the longest path, they are removed with it', async () => {
  const bundle = scene.bundle(`${NEST}; echo nested`, writable);
  expect(await scene.run(bundle)).toMatchObject({ status: 0, stdout: 'nested\n', stderr: '' });
});

test('whatever bytes their names have, their processes are found, and they are removed', async () => {
  const script = `cd /sys/fs/cgroup; name=$(printf 'a\\377b'); mkdir $name $name/below
    echo $$ > $name/below/cgroup.procs; exec sleep 1000`;
  const running = await scene.started(script, writable);
  // Should the runtime not: nothing else would.
  const theirs = ['/sys/fs/cgroup', '-depth', '-path', `*/${running.id}*`, '-type', 'd'];
  onTestFinished(() => {
    spawnSync('find', [...theirs, '-exec', 'rmdir', '{}', ';']);
  });
  await untilSleeping(running.pid);
  expect(await pids(running.id)).toEqual([running.pid]);
  expect(await scene.runtime(['kill', '--all', running.id, 'USR1'])).toMatchObject({ status: 0 });
  await running.remove();
});

test('nested beyond the longest path, their processes are found and killed', async () => {
  const running = await scene.started(`${NEST}; exec sleep 1000`, writable);
  await untilSleeping(running.pid);
  expect(await pids(running.id)).toEqual([running.pid]);
  // Too far down for a path.
  expect(readFileSync(`/proc/${String(running.pid)}/cgroup`).length).toBeGreaterThan(4096);
  await running.remove();
});

async function untilSleeping(pid: number): Promise<void> {
  while (readFileSync(`/proc/${String(pid)}/comm`, 'utf8') !== 'sleep\n') {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function pids(id: string): Promise<number[]> {
  const result = await scene.runtime(['ps', '--format', 'json', id]);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(result.stdout) as number[];
}
