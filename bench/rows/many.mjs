// `list`, and `state` of one, where there are many containers.

import { fewNamespaces } from '../lib/bundles.mjs';

async function measure(scene) {
  const count = scene.options.containers;
  const bundle = scene.bundle('many', ['sleep', '1000'], fewNamespaces);
  for (const runtime of scene.compared) {
    const commands = Array.from({ length: count }, (_, n) =>
      scene.command(runtime, 'create', '--bundle', bundle, scene.id(runtime, n)),
    );
    await scene.timer.run(commands, 2);
  }
  await scene.rounds(scene.compared, async (runtime) => ({
    list: (await scene.call(runtime, 'list')).time,
    'state-of-many': (await scene.call(runtime, 'state', scene.id(runtime, Math.floor(count / 2))))
      .time,
  }));
}

export const many = {
  name: 'many',
  lines: [
    {
      name: 'list',
      title: ({ containers }) => `list with ${containers} containers`,
      limits: { crun: 0.6, runc: 0.3 },
    },
    {
      name: 'state-of-many',
      title: ({ containers }) => `state with ${containers} containers`,
      limits: { crun: 0.6, runc: 0.3 },
    },
  ],
  measure,
};
