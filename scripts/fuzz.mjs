// The targets of libFuzzer by hand (docs/fuzzing.md):
//
//   node scripts/fuzz.mjs build [TARGET...]
//   node scripts/fuzz.mjs replay [TARGET...]          the kept corpus, and the lines it runs
//   node scripts/fuzz.mjs run SECONDS [TARGET...]     looks for more
//   node scripts/fuzz.mjs minimise [TARGET...]        keeps what was found, as little as it takes
//   node scripts/fuzz.mjs planted SECONDS [TARGET...] finds the planted bugs

import { buildTargets, findPlanted, fuzz, minimise, replay, targets } from './lib/fuzz.mjs';

const [command, ...words] = process.argv.slice(2);
const seconds = ['run', 'planted'].includes(command) ? Number(words.shift()) : 0;
const names = words.length > 0 ? words : Object.keys(targets);

const last = (text) => text.trim().split('\n').slice(-12).join('\n');

const commands = {
  build: () => buildTargets(names),
  replay: async () => {
    for (const name of names) {
      const { status, output, coverage } = await replay(name);
      console.log(`${name}: ${status}`, status === 0 ? '' : output);
      for (const [file, { run, lines, missed }] of Object.entries(coverage)) {
        console.log(
          `  ${file}: ${run}/${lines} = ${((100 * run) / lines).toFixed(1)} %`,
          `${missed}`,
        );
      }
    }
  },
  run: async () => {
    for (const name of names) {
      const { status, output } = await fuzz(name, seconds);
      console.log(`${name}: ${status}\n${status === 0 ? last(output) : output}`);
    }
  },
  planted: async () => {
    for (const name of names) {
      for (const index of targets[name].plants.keys()) {
        const started = Date.now();
        const { status, output } = await findPlanted(name, index, seconds);
        console.log(`${name} ${index}: ${status} in ${Date.now() - started} ms\n${last(output)}`);
      }
    }
  },
  minimise: async () => {
    for (const name of names) await minimise(name);
  },
};
if (!(command in commands)) throw new Error(`no command ${command}`);
await commands[command]();
