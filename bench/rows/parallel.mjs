// Many containers created at once: four callers, each with the next one as soon
// as it has made one.

const CALLERS = 4;
const ROUNDS = 5;

/** 200 of the 1,000 that the rows with many containers have. */
const countOf = ({ containers }) => Math.max(1, Math.round(containers / 5));

async function measure(scene) {
  const { rounds } = scene.options;
  const count = countOf(scene.options);
  const bundle = scene.bundle('sleep', ['sleep', '1000']);
  await scene.rounds(
    scene.compared,
    async (runtime) => {
      const commands = Array.from({ length: count }, (_, n) =>
        scene.command(runtime, 'create', '--bundle', bundle, scene.id(runtime, n)),
      );
      const { wall } = await scene.timer.run(commands, CALLERS);
      await scene.clean();
      return { parallel: wall };
    },
    { rounds: Math.min(rounds, ROUNDS), rest: 1000, warmUp: 1 },
  );
}

export const parallel = {
  name: 'parallel',
  lines: [
    {
      name: 'parallel',
      title: (options) => `${countOf(options)} containers created by 4 parallel callers`,
      limits: { crun: 0.85, runc: 0.3 },
    },
  ],
  measure,
};
