// tsrun side by side with crun and runc, as processes, in one interleaved run.
//
//   node bench/run.mjs [--tsrun 'COMMAND'] [--rounds N] [--rest MS] [--without NAME]...
//
// run       the whole of `run` of busybox true
// sequence  create, start, kill, delete of busybox sleep, one process each;
//           the wait for the killed process is not counted
//
// Every round runs each runtime once, in rotated order, and rests between the
// rounds: taking down a network namespace holds a lock that the next clone
// waits for. --rest 250 shows an idle machine, where people wait.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
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
  rotate,
  workDirectory,
} from './lib.mjs';

const { values: options } = parseArgs({
  options: {
    tsrun: {
      type: 'string',
      default: `${process.execPath} ${join(import.meta.dirname, '../dist/cli/main-node.js')}`,
    },
    rounds: { type: 'string', default: '30' },
    rest: { type: 'string', default: '50' },
    without: { type: 'string', multiple: true, default: [] },
  },
});
const rounds = Number(options.rounds);
const restMs = Number(options.rest);
if (!Number.isInteger(rounds) || rounds < 1) die(`--rounds: not a count: ${options.rounds}`);
if (!Number.isFinite(restMs) || restMs < 0) die(`--rest: not milliseconds: ${options.rest}`);
if (process.getuid() !== 0) die('needs root: it runs containers');

enterCgroup2View();

const runtimes = [
  { name: 'tsrun', command: options.tsrun.split(' ') },
  { name: 'crun', command: ['crun'] },
  { name: 'runc', command: ['runc'] },
].filter(({ name }) => !options.without.includes(name));
for (const { name, command } of runtimes) {
  if (!installed(command[0])) die(`${name}: cannot run ${command[0]}`);
}

const work = workDirectory();
const bundles = {
  run: makeBundle(join(work, 'run'), ['true']),
  sequence: makeBundle(join(work, 'sequence'), ['sleep', '1000']),
};
for (const runtime of runtimes) {
  runtime.root = join(work, `${runtime.name}-state`);
  mkdirSync(runtime.root);
}

/** Milliseconds of one command of the runtime; a failing one ends the benchmark. */
function timed(runtime, ...args) {
  const [program, ...before] = runtime.command;
  const all = [...before, '--root', runtime.root, ...args];
  const start = now();
  const { status } = spawnSync(program, all, { stdio: 'ignore' });
  const time = now() - start;
  if (status !== 0) {
    // Once more, to be seen; nothing of a failed sequence may stay behind.
    spawnSync(program, all, { stdio: ['ignore', 'inherit', 'inherit'] });
    spawnSync(program, [...before, '--root', runtime.root, 'delete', '--force', id(runtime)]);
    die(`${runtime.name} ${args.join(' ')}: exit status ${String(status)}`);
  }
  return time;
}

const id = (runtime) => `bench-${runtime.name}-${process.pid}`;

/** Waits until the process has ended: a zombie counts, its reaping is not ours. */
function ended(pid) {
  for (;;) {
    if (!existsSync(`/proc/${pid}/stat`)) return;
    try {
      if (/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return;
    } catch {
      return;
    }
  }
}

const measures = {
  run: (runtime) => ({ run: timed(runtime, 'run', '--bundle', bundles.run, id(runtime)) }),
  sequence: (runtime) => {
    const pidFile = join(work, 'pid');
    const times = {
      create: timed(
        runtime,
        'create',
        '--bundle',
        bundles.sequence,
        '--pid-file',
        pidFile,
        id(runtime),
      ),
      start: timed(runtime, 'start', id(runtime)),
      kill: timed(runtime, 'kill', id(runtime), 'KILL'),
    };
    ended(Number(readFileSync(pidFile, 'utf8')));
    times.delete = timed(runtime, 'delete', id(runtime));
    times.sequence = times.create + times.start + times.kill + times.delete;
    return times;
  },
};

const samples = new Map();
function record(name, measure, time) {
  const key = `${measure} ${name}`;
  samples.set(key, [...(samples.get(key) ?? []), time]);
}

const warmUp = 2;
for (const measure of Object.values(measures)) {
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const runtime of rotate(runtimes, round + warmUp)) {
      const times = measure(runtime);
      if (round >= 0) {
        for (const [name, time] of Object.entries(times)) record(runtime.name, name, time);
      }
    }
    await rest(restMs);
  }
}

const middle = (measure, name) => {
  const times = samples.get(`${measure} ${name}`);
  return times === undefined ? undefined : median(times);
};
console.log(`medians of ${rounds} rounds, milliseconds; ${restMs} ms of rest between rounds`);
printTable(
  ['', 'tsrun', 'crun', 'runc', 'tsrun/crun', 'tsrun/runc'],
  ['run', 'sequence', 'create', 'start', 'kill', 'delete'].map((measure) => {
    const [tsrun, crun, runc] = ['tsrun', 'crun', 'runc'].map((name) => middle(measure, name));
    return [
      measure,
      milliseconds(tsrun),
      milliseconds(crun),
      milliseconds(runc),
      ratio(tsrun, crun),
      ratio(tsrun, runc),
    ];
  }),
);
