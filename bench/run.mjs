// tsrun side by side with crun and runc, in one interleaved run: README.md.
//
//   node bench/run.mjs [--rounds N] [--only ROW]... [--containers N] [--rest MS] [--idle MS]
//                      [--tsrun FILE] [--out DIRECTORY]

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './lib/machine.mjs';
import { now } from './lib/numbers.mjs';
import { Timer, find } from './lib/programs.mjs';
import { linesOf, printResults, writeResults } from './lib/results.mjs';
import { Scene } from './lib/scene.mjs';
import { enterCgroup2View } from './lib/view.mjs';
import { rows } from './rows/index.mjs';

const ROOT = join(import.meta.dirname, '..');

/** Ends the program with a message that a person can act on. */
function die(message) {
  console.error(message);
  process.exit(1);
}

function count(options, name, least) {
  const value = Number(options[name]);
  if (!Number.isInteger(value) || value < least) die(`--${name}: not a count: ${options[name]}`);
  return value;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '100' },
        only: { type: 'string', multiple: true, default: [] },
        containers: { type: 'string', default: '1000' },
        rest: { type: 'string', default: '50' },
        idle: { type: 'string', default: '250' },
        tsrun: { type: 'string', default: join(ROOT, 'dist/tsrun') },
        out: { type: 'string' },
      },
    });
    return {
      ...values,
      rounds: count(values, 'rounds', 1),
      containers: count(values, 'containers', 1),
      rest: count(values, 'rest', 0),
      idle: count(values, 'idle', 0),
    };
  } catch (error) {
    return die(error.message);
  }
}

const options = readOptions();
const names = rows.map(({ name }) => name);
for (const name of options.only) {
  if (!names.includes(name)) die(`--only: no row ${name}; the rows are ${names.join(', ')}`);
}
const chosen = rows.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
if (process.getuid() !== 0) die('needs root: it runs containers');
enterCgroup2View();

const commands = {
  tsrun: [find(options.tsrun)],
  node: [process.execPath, join(ROOT, 'dist/cli/main-node.js')],
  crun: [find('crun')],
  runc: [find('runc')],
};
for (const [name, [file]] of Object.entries(commands)) {
  if (file === undefined) die(`${name} is missing: scripts/setup.sh test brings it`);
}

const work = mkdtempSync(join(tmpdir(), 'tsrun-bench.'));
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (stopped = true));

const machine = describeMachine(commands, ROOT);
const runtimes = Object.entries(commands).map(([name, command]) => ({ name, command }));
const samples = new Map();
let timer;
try {
  timer = new Timer(work);
  const start = now();
  for (const row of chosen) {
    const directory = join(work, row.name);
    mkdirSync(directory);
    const scene = new Scene(
      directory,
      timer,
      runtimes.map((runtime) => ({ ...runtime })),
      options,
      () => stopped,
    );
    const begin = now();
    try {
      await row.measure(scene);
    } finally {
      await scene.clean();
    }
    for (const [line, values] of scene.samples) samples.set(line, values);
    console.error(`${row.name}: ${((now() - begin) / 1000).toFixed(0)} s`);
  }
  const results = {
    machine,
    options,
    lines: linesOf(chosen, samples, options),
    samples,
    seconds: (now() - start) / 1000,
  };
  printResults(results);
  // A part of the rows is not what the page shows.
  const out = options.out ?? (options.only.length === 0 ? ROOT : undefined);
  if (out !== undefined) writeResults(results, out);
} catch (error) {
  console.error(stopped ? 'stopped' : `bench: ${error.message}`);
  process.exitCode = 1;
} finally {
  timer?.end();
  rmSync(work, { recursive: true, force: true });
}
