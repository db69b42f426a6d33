/** Row M: a container stops the processes that join it, which hold its lock. */

import { readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';

import { cgroupsOf } from '../support/left.js';
import { stateOf, useScene } from '../support/scene.js';
import { newId } from '../support/tsrun.js';
import { compileAttacker } from './attackers/compile.js';

const scene = useScene();

/** How many stand still in the cgroup: programs, and helpers, whose execs hold the lock. */
function stopped(cgroup: string): { programs: number; helpers: number } {
  const found = { programs: 0, helpers: 0 };
  for (const pid of readFileSync(`${cgroup}/cgroup.procs`, 'utf8').trim().split('\n')) {
    try {
      if (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) continue;
      const helper = readlinkSync(`/proc/${pid}/exe`).includes('memfd:tsrun');
      found[helper ? 'helpers' : 'programs']++;
    } catch {
      // It has ended.
    }
  }
  return found;
}

test('it can be paused all the same, resumed and deleted', async () => {
  const bundle = scene.bundle('exec /stopper');
  compileAttacker('stopper', bundle.rootfs);
  const id = newId();
  const run = ['run', '--detach', '--bundle', bundle.path, id];
  const made = await scene.runtime(run, { stdio: ['ignore', 'ignore', 'ignore'] });
  expect(made.status).toBe(0);
  scene.expectOrphan((await stateOf(scene.runtime, id)).pid);
  const [cgroup = ''] = cgroupsOf(id);
  const execs: Promise<unknown>[] = [];
  for (let times = 0; times < 100 && stopped(cgroup).helpers === 0; times++) {
    const exec = scene.runtime(['exec', id, 'true'], { stdio: ['ignore', 'ignore', 'ignore'] });
    const before = stopped(cgroup).programs;
    let ended = false;
    execs.push(exec.then(() => (ended = true)));
    const came = (): boolean => {
      const { programs, helpers } = stopped(cgroup);
      return ended || helpers > 0 || programs > before;
    };
    await expect.poll(came, { timeout: 20_000 }).toBe(true);
  }
  expect(stopped(cgroup).helpers).toBeGreaterThan(0);

  const began = Date.now();
  expect(await scene.runtime(['pause', id])).toMatchObject({ status: 0, stderr: '' });
  expect(Date.now() - began).toBeLessThan(20_000);
  expect((await stateOf(scene.runtime, id)).status).toBe('paused');
  expect(await scene.runtime(['resume', id])).toMatchObject({ status: 0, stderr: '' });
  expect((await stateOf(scene.runtime, id)).status).toBe('running');
  expect(await scene.runtime(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
  await Promise.all(execs);
});
