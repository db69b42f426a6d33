// How long a program that uses the library is kept from everything else, with one container at a
// time and with eight. crun and runc have no counterpart: a program that starts them waits for
// another process.

import { monitorEventLoopDelay } from 'node:perf_hooks';

const CALLERS = [1, 8];

/** Lives of containers in a round, shared by the callers. */
const LIVES = 16;

/** Milliseconds of the processor that the longest turn takes; stop() gives them. */
function watchTurns() {
  let [longest, watching] = [0, true];
  let last = process.cpuUsage();
  const look = () => {
    const { user, system } = process.cpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    last = process.cpuUsage();
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  return () => {
    watching = false;
    return longest;
  };
}

/** What a program does with a container: everything that has to be waited for. */
async function live({ createContainer }, options) {
  const container = await createContainer({ ...options, stdio: 'ignore' });
  await container.start();
  const process = { args: ['true'], cwd: '/' };
  await (await container.exec({ process, stdio: 'ignore' })).wait();
  await container.kill(9);
  await container.wait();
  await container.delete();
}

async function measure(scene) {
  const api = await import('tsrun');
  const bundle = scene.bundle('sleep', ['sleep', '1000']);
  const tsrun = scene.get('tsrun');
  const lives = (callers) =>
    Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        for (let i = 0; i < LIVES / callers; i += 1) {
          await live(api, { id: scene.id(tsrun, caller), bundle, root: tsrun.root });
        }
      }),
    );
  await scene.rounds([{ name: 'tsrun' }], async () => {
    const values = {};
    for (const callers of CALLERS) {
      // One after the other: looking at every turn makes the program busy.
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      await lives(callers);
      delay.disable();
      values[`loop ${callers}`] = delay.percentile(99) / 1e6;
      const stop = watchTurns();
      await lives(callers);
      values[`loop-cpu ${callers}`] = stop();
    }
    return values;
  });
}

const containers = (count) => (count === 1 ? 'one container' : `${count} containers at once`);

export const loop = {
  name: 'loop',
  lines: CALLERS.flatMap((callers) => [
    {
      name: `loop ${callers}`,
      title: `library: delay of the event loop, 99 %, ${containers(callers)}`,
      limits: {},
      most: 20,
    },
    {
      name: `loop-cpu ${callers}`,
      title: `library: processor time of the longest turn, ${containers(callers)}`,
      limits: {},
    },
  ]),
  measure,
};
