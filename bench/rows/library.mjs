// tsrun as a library in a warm Node program (this one), against starting crun
// from it, as a program would that has no library.

import { spawn } from 'node:child_process';
import { now } from '../lib/numbers.mjs';

/** Milliseconds from the spawn of a command to its end. */
function spawned([file, ...args]) {
  return new Promise((resolve, reject) => {
    const start = now();
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (status) => {
      const time = now() - start;
      if (status === 0) resolve(time);
      else reject(new Error(`${file} ${args.join(' ')}: exit status ${status}`));
    });
  });
}

async function measure(scene) {
  const { createContainer } = await import('tsrun');
  const bundle = scene.bundle('run', ['true']);
  const tsrun = scene.get('tsrun');
  const library = async () => {
    const begin = now();
    const id = scene.id(tsrun, 'library');
    const container = await createContainer({ id, bundle, root: tsrun.root, stdio: 'ignore' });
    await container.start();
    const started = now() - begin;
    const exit = await container.wait();
    await container.delete();
    const whole = now() - begin;
    if (exit.status !== 0) throw new Error(`the container ended with ${JSON.stringify(exit)}`);
    return { started, whole };
  };
  const command = (runtime) => async () => {
    const argv = scene.command(runtime, 'run', '--bundle', bundle, scene.id(runtime));
    const time = await spawned(argv);
    return { started: time, whole: time };
  };
  await scene.rounds(
    [
      { name: 'tsrun', run: library },
      { name: 'crun', run: command(scene.get('crun')) },
      { name: 'executable', run: command(tsrun) },
    ],
    ({ run }) => run(),
  );
}

export const library = {
  name: 'library',
  lines: [
    {
      name: 'started',
      title: 'library: createContainer to a started process, of child_process `crun run`',
      limits: { crun: 0.7 },
    },
    {
      name: 'whole',
      title: 'library: until the container is deleted, of the same',
      limits: {},
    },
  ],
  measure,
};
