// What a manager does: create, start, state, kill, delete, a process each. What
// the killed process takes to end is not counted.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ended } from '../lib/scene.mjs';

const each = { crun: 0.6, runc: 0.35 };

/**
 * What a created container's process has cost until it waits for its start:
 * what comes before execve is charged to the container (memory.max).
 *
 * @returns pages that it touched (minor faults), and KiB that are its own
 */
function atTheGate(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  // Behind the name, which is in parentheses, come state (3) and on.
  const faults = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[10 - 3]);
  const own = Number(/^Private_Dirty: +(\d+) kB$/m.exec(memory)?.[1]);
  if (!(faults >= 0) || !(own >= 0)) throw new Error(`cannot read the memory of process ${pid}`);
  return { faults, own };
}

async function measure(scene) {
  const bundle = scene.bundle('sleep', ['sleep', '1000']);
  const pidFile = join(scene.work, 'pid');
  await scene.rounds(scene.compared, async (runtime) => {
    const id = scene.id(runtime);
    const time = async (...args) => (await scene.call(runtime, ...args)).time;
    const times = {};
    times.create = await time('create', '--bundle', bundle, '--pid-file', pidFile, id);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const { faults, own } = atTheGate(pid);
    times.start = await time('start', id);
    times.state = await time('state', id);
    times.kill = await time('kill', id, 'KILL');
    await ended(pid);
    times.delete = await time('delete', id);
    const { create, start, kill } = times;
    return { ...times, sequence: create + start + kill + times.delete, faults, own };
  });
}

export const sequence = {
  name: 'sequence',
  lines: [
    {
      name: 'sequence',
      title: 'create + start + kill + delete',
      limits: { crun: 0.7, runc: 0.27 },
    },
    { name: 'create', title: 'create', limits: {} },
    { name: 'start', title: 'start', limits: each },
    { name: 'state', title: 'state', limits: each },
    { name: 'kill', title: 'kill', limits: each },
    { name: 'delete', title: 'delete', limits: each },
    {
      name: 'faults',
      title: 'pages touched by the child before execve',
      unit: 'pages',
      limits: {},
    },
    { name: 'own', title: 'memory of its own before execve', unit: 'KiB', limits: {} },
  ],
  measure,
};
