// Builds and runs the targets of libFuzzer (fuzz-targets.mjs) in native/build-fuzz.

import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

import { targets } from './fuzz-targets.mjs';

const root = join(import.meta.dirname, '../..');
const build = join(root, 'native/build-fuzz');

const COMPILER = 'clang++-19';
const FLAGS = [
  ...['-std=gnu++20', '-D_GNU_SOURCE', '-DTSRUN_FUZZ', '-g', '-O1', '-fno-omit-frame-pointer'],
  ...['-Wall', '-Wextra', '-Werror', '-fsanitize=fuzzer,address,undefined'],
  ...['-fno-sanitize-recover=undefined', '-fprofile-instr-generate', '-fcoverage-mapping'],
];

/** Runs a program to its end: its status, and all it said. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status: status ?? signal, output }));
  });
}

async function mustRun(command, args, options) {
  const { status, output } = await run(command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${output}`);
  return output;
}

/** Calls `work` with each item, as many at a time as there are processors. */
export async function inParallel(items, work) {
  const left = [...items];
  const lane = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

/** A copy of our tree with a planted bug. */
function plantedTree(name, index) {
  const plant = targets[name].plants[index];
  const tree = join(build, 'planted', `${name}-${index}`);
  rmSync(tree, { recursive: true, force: true });
  const napi = 'native/quickjs/napi';
  for (const part of ['native/wire', 'native/system', 'native/child', napi, 'test/fuzz/native']) {
    cpSync(join(root, part), join(tree, part), { recursive: true });
  }
  const file = join(tree, plant.file);
  const parts = readFileSync(file, 'utf8').split(plant.from);
  if (parts.length !== 2) throw new Error(`${plant.file} has not once: ${plant.from}`);
  writeFileSync(file, parts.join(plant.to));
  return tree;
}

const flagsOf = (name, source) => targets[name].flags?.[source] ?? [];

/** What has to be compiled and linked for a target, with a planted bug or without (undefined). */
function workOf(name, index) {
  const { sources, plants } = targets[name];
  const planted = index !== undefined;
  const main = `test/fuzz/native/${name}.cc`;
  // Of the planted program all is the same but one file: what is in a header, the test includes.
  const file = plants[index]?.file;
  const changed = file?.endsWith('.h') ? main : file;
  const tree = planted ? plantedTree(name, index) : root;
  const objects = [main, ...sources].map((source) => ({
    tree,
    source,
    flags: flagsOf(name, source),
    isNew: !planted || source === changed,
    object: join(
      ...[build, 'objects', source === changed ? `${name}-planted-${index}` : name],
      source.replaceAll('/', '-').replace(/\.\w+$/, '.o'),
    ),
  }));
  return { name, objects, program: programOf(name, index) };
}

/** Builds targets, each without a planted bug and with each of them. */
export async function buildTargets(names) {
  const work = names.flatMap((name) => [
    workOf(name),
    ...targets[name].plants.map((_, index) => workOf(name, index)),
  ]);
  const compile = work.flatMap(({ objects }) => objects.filter(({ isNew }) => isNew));
  await inParallel(compile, async ({ tree, source, object, flags }) => {
    mkdirSync(dirname(object), { recursive: true });
    await mustRun(COMPILER, [...FLAGS, ...flags, '-c', join(tree, source), '-o', object]);
  });
  await inParallel(work, ({ name, objects, program }) =>
    mustRun(COMPILER, [
      ...FLAGS,
      ...objects.map(({ object }) => object),
      ...targets[name].libraries,
      ...['-o', program],
    ]),
  );
}

const corpusOf = (name) => join(root, 'test/fuzz/corpus', name);

/** The corpus, and inputs that stay when it is minimised: what reaches a place by several steps. */
const inputsOf = (name) =>
  [corpusOf(name), join(root, 'test/fuzz/seeds', name)].filter((path) => existsSync(path));

const programOf = (name, index) =>
  join(build, index === undefined ? name : `${name}-planted-${index}`);

/** A directory below the build that is empty. */
function emptied(...parts) {
  const directory = join(build, ...parts);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return directory;
}

const common = (name) => [
  `-max_len=${targets[name].maxLength}`,
  '-timeout=20',
  '-rss_limit_mb=1024',
  '-print_final_stats=1',
];

/** What the file that a run writes about coverage is called, and where crashes go. */
const environment = (directory) => ({
  ...process.env,
  LLVM_PROFILE_FILE: join(directory, 'profile.raw'),
  ASAN_OPTIONS: 'detect_leaks=1:allocator_may_return_null=1',
  LSAN_OPTIONS: `suppressions=${join(root, 'test/fuzz/native/leaks.supp')}:print_suppressions=0`,
  UBSAN_OPTIONS: 'print_stacktrace=1',
});

/** Lines that were run and lines there are, of each file that a target is for. */
async function linesRun(name, directory) {
  const data = join(directory, 'profile');
  await mustRun('llvm-profdata-19', ['merge', join(directory, 'profile.raw'), '-o', data]);
  const files = targets[name].covers;
  const text = await mustRun('llvm-cov-19', [
    ...['export', '-format=lcov', `-instr-profile=${data}`, programOf(name)],
    ...files.map((file) => join(root, file)),
  ]);
  const found = {};
  for (const record of text.split('end_of_record')) {
    const file = /^SF:(.*)$/m.exec(record)?.[1];
    if (file === undefined) continue;
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)/gm)];
    found[file.slice(root.length + 1)] = {
      lines: lines.length,
      run: lines.filter(([, , count]) => count !== '0').length,
      missed: lines.filter(([, , count]) => count === '0').map(([, line]) => Number(line)),
    };
  }
  return found;
}

/** Runs a target over the corpus that is kept: what it said, and the lines that were run. */
export async function replay(name) {
  const directory = emptied('replay', name);
  const { status, output } = await run(
    programOf(name),
    [...common(name), '-runs=0', `-artifact_prefix=${directory}/`, ...inputsOf(name)],
    { env: environment(directory) },
  );
  return { status, output, coverage: status === 0 ? await linesRun(name, directory) : {} };
}

/** Looks for a planted bug from the corpus on, for so many seconds at most. */
export async function findPlanted(name, index, seconds) {
  const directory = emptied('planted-run', `${name}-${index}`);
  const { status, output } = await run(
    programOf(name, index),
    [
      ...common(name),
      ...[`-max_total_time=${seconds}`, `-artifact_prefix=${directory}/`, '-seed=1'],
      ...[directory, ...inputsOf(name)],
    ],
    { env: environment(directory) },
  );
  return { status, output };
}

/**
 * Runs a target for so many seconds on a corpus that grows in the build. One
 * line about it is added to native/build-fuzz/log.
 */
export async function fuzz(name, seconds) {
  const directory = join(build, 'work', name);
  mkdirSync(join(directory, 'corpus'), { recursive: true });
  mkdirSync(corpusOf(name), { recursive: true });
  const { status, output } = await run(
    'sh',
    [
      ...['-c', '"$@"; status=$?; times; exit $status', 'sh', programOf(name)],
      ...common(name),
      ...[`-max_total_time=${seconds}`, `-artifact_prefix=${directory}/`],
      ...[join(directory, 'corpus'), ...inputsOf(name)],
    ],
    { env: environment(directory) },
  );
  // The second line of times is about children: user and system, each 1m2.345s.
  const used = [...(output.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  const cpu = used.reduce((sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest), 0);
  const runs = /number_of_executed_units: (\d+)/.exec(output)?.[1] ?? 0;
  appendFileSync(
    join(build, 'log'),
    `${JSON.stringify({ at: new Date().toISOString(), name, status, cpu, runs: Number(runs) })}\n`,
  );
  return { status, output };
}

/** Makes the corpus that is kept of that one and what was found since. */
export async function minimise(name) {
  const made = emptied('minimised', name);
  const all = emptied('all', name);
  // A copy: a run that goes on replaces its files by smaller ones.
  for (const from of [...inputsOf(name), join(build, 'work', name, 'corpus')]) {
    for (const file of existsSync(from) ? readdirSync(from) : []) {
      try {
        copyFileSync(join(from, file), join(all, file));
      } catch (error) {
        if (error.code !== 'ENOENT') throw error;
      }
    }
  }
  await mustRun(programOf(name), [...common(name), '-set_cover_merge=1', made, all], {
    env: environment(all),
  });
  rmSync(corpusOf(name), { recursive: true, force: true });
  cpSync(made, corpusOf(name), { recursive: true });
}

export { targets };
