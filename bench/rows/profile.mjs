// Where the time goes until a container has started, by the operations of the
// plan: the helper notes the clock after each step, and says so in its trace.

import { now } from '../lib/numbers.mjs';

async function measure(scene) {
  const { createContainer } = await import('tsrun');
  const bundle = scene.bundle('run', ['true']);
  const tsrun = scene.get('tsrun');
  await scene.rounds([{ name: 'tsrun' }], async () => {
    let entries = [];
    const id = scene.id(tsrun, 'profile');
    const begin = now();
    const container = await createContainer({
      ...{ id, bundle, root: tsrun.root, stdio: 'ignore' },
      trace: (given) => (entries = given),
    });
    const created = now();
    await container.start();
    const started = now();
    await container.wait();
    const waited = now();
    await container.delete();
    const deleted = now();
    if (entries.length === 0) throw new Error('no trace came');

    const parts = {};
    const add = (name, time) => (parts[`profile ${name}`] = (parts[`profile ${name}`] ?? 0) + time);
    let last = entries[0].time / 1e6;
    add(
      'before the first step: config.json, plan, state, cgroup, clone, first namespaces',
      last - begin,
    );
    for (const { step, time } of entries.slice(1)) {
      const type = step.op === 'mount' ? ` ${step.type}` : '';
      add(`step ${step.op}${type}`, time / 1e6 - last);
      last = time / 1e6;
    }
    add('after the last step: state, answer', created - last);
    add('start: gate, late steps, execve', started - created);
    add('the program itself', waited - started);
    add('delete', deleted - waited);
    return parts;
  });
}

export const profile = { name: 'profile', lines: [], measure };
