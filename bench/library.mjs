// tsrun as a library in a warm Node program, against starting crun from one.
//
//   node bench/library.mjs [--rounds N] [--rest MS]
//
// started  from the call of createContainer until start() has come back
// whole    from the call of createContainer until delete() has come back
// crun     spawn of `crun run` until its end: create, start, wait, delete

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  die,
  enterCgroup2View,
  installed,
  makeBundle,
  median,
  milliseconds,
  now,
  printTable,
  ratio,
  rest,
  workDirectory,
} from './lib.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    rest: { type: 'string', default: '50' },
  },
});
const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1) die(`--rounds: not a count: ${options.rounds}`);
if (process.getuid() !== 0) die('needs root: it runs containers');
if (!installed('crun')) die('crun is missing: scripts/setup.sh test installs it');

enterCgroup2View();

const { createContainer } = await import('tsrun');

const work = workDirectory();
const bundle = makeBundle(join(work, 'bundle'), ['true']);
const roots = { tsrun: join(work, 'tsrun-state'), crun: join(work, 'crun-state') };
for (const root of Object.values(roots)) mkdirSync(root);
const id = `bench-library-${process.pid}`;

async function library() {
  const start = now();
  const container = await createContainer({ id, bundle, root: roots.tsrun, stdio: 'ignore' });
  await container.start();
  const started = now() - start;
  const exit = await container.wait();
  await container.delete();
  const whole = now() - start;
  if (exit.status !== 0) die(`the container ended with ${JSON.stringify(exit)}`);
  return { started, whole };
}

function crun() {
  return new Promise((resolve, reject) => {
    const start = now();
    const child = spawn('crun', ['--root', roots.crun, 'run', '--bundle', bundle, id], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', (status) => {
      if (status !== 0) die(`crun run: exit status ${String(status)}`);
      resolve({ crun: now() - start });
    });
  });
}

const samples = { started: [], whole: [], crun: [] };
const warmUp = 3;
for (let round = -warmUp; round < rounds; round += 1) {
  // Who comes first changes from round to round.
  for (const measure of round % 2 === 0 ? [library, crun] : [crun, library]) {
    const times = await measure();
    if (round >= 0) for (const [name, time] of Object.entries(times)) samples[name].push(time);
  }
  await rest(Number(options.rest));
}

const whole = median(samples.crun);
console.log(`medians of ${rounds} rounds, milliseconds`);
printTable(
  ['', 'ms', 'of crun run'],
  ['started', 'whole', 'crun'].map((name) => {
    const value = median(samples[name]);
    return [name, milliseconds(value), ratio(value, whole)];
  }),
);
