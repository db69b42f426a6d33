// `exec` of busybox true in a container that runs.

async function measure(scene) {
  const bundle = scene.bundle('sleep', ['sleep', '1000']);
  for (const runtime of scene.compared) {
    await scene.call(runtime, 'create', '--bundle', bundle, scene.id(runtime));
    await scene.call(runtime, 'start', scene.id(runtime));
  }
  await scene.rounds(scene.compared, async (runtime) => ({
    exec: (await scene.call(runtime, 'exec', scene.id(runtime), 'true')).time,
  }));
}

export const exec = {
  name: 'exec',
  lines: [
    {
      name: 'exec',
      title: 'exec of /bin/true in a running container',
      limits: { crun: 0.85, runc: 0.25 },
    },
  ],
  measure,
};
