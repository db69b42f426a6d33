// The two hosts of the same TypeScript against each other.

async function measure(scene) {
  const bundle = scene.bundle('run', ['true']);
  const sleeper = scene.bundle('sleep', ['sleep', '1000']);
  const subjects = [scene.get('tsrun'), scene.get('node')];
  for (const runtime of subjects) {
    await scene.call(runtime, 'create', '--bundle', sleeper, scene.id(runtime, 'host'));
  }
  await scene.rounds(subjects, async (runtime) => ({
    'host-run': (await scene.call(runtime, 'run', '--bundle', bundle, scene.id(runtime))).time,
    'host-state': (await scene.call(runtime, 'state', scene.id(runtime, 'host'))).time,
  }));
}

export const hosts = {
  name: 'hosts',
  lines: [
    { name: 'host-run', title: 'hosts: run', limits: { node: 0.2 } },
    { name: 'host-state', title: 'hosts: state', limits: { node: 0.1 } },
  ],
  measure,
};
