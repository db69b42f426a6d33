/** Builds and runs the injector of faults; test/support/inject.c says what it does. */

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { program } from './inside.js';

const SOURCES = dirname(fileURLToPath(import.meta.url));

/** Compiles the injector into a directory: the path of the program. */
export function buildInjector(directory: string): string {
  const macros = spawnSync('cc', ['-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c', '-'], {
    input: '',
    encoding: 'utf8',
  }).stdout;
  const names = [...macros.matchAll(/^#define __NR_(\w+) /gm)].map(([, name = '']) => name);
  const lines = names.map((name) => `{__NR_${name}, "${name}"},\n`);
  writeFileSync(join(directory, 'calls.inc'), lines.join(''));
  const file = join(directory, 'inject');
  const options = ['-static', '-O1', '-Wall', '-Wextra', '-Werror', `-I${directory}`];
  program('cc', [...options, '-o', file, join(SOURCES, 'inject.c')]);
  return file;
}

/** The process whose calls are counted; a number is the pid of one that is there already. */
export type Target = 'runtime' | 'helper' | 'forked' | number;

export interface Injection {
  target: Target;
  mode: 'count' | 'fail' | 'kill' | 'kill-after';
  /** Number of the call, from 1. */
  call?: number;
  /** Its name; others in its place are let pass, until one has it. */
  name?: string;
  /** Name of the errno that it fails with. */
  errno?: string;
  /** The command hangs after that many milliseconds. */
  timeout: number;
}

export interface Report {
  /** Names of the calls, in order (`count`). */
  names: string[];
  /** Name of the call that was failed or at which the process was killed. */
  injected: string | undefined;
  /** How many calls the process made until it was let go of. */
  calls: number;
  /** Where the processes were when the command hung; empty otherwise. */
  where: string[];
  status: number | undefined;
  signal: number | undefined;
}

/** Runs a command under the injector, with the given descriptors as its output. */
export function inject(
  injector: string,
  { target, mode, call, name, errno, timeout }: Injection,
  command: readonly string[],
  [out, err]: readonly [number, number],
): Report {
  const file = `${injector}.report`;
  const chosen = typeof target === 'number' ? ['-a', String(target)] : ['-p', target];
  const what = [mode, ...[call, errno].filter((word) => word !== undefined).map(String)];
  if (name !== undefined) chosen.push('-c', name);
  const options = [...chosen, '-t', String(timeout), '-o', file, ...what];
  const { status } = spawnSync(injector, [...options, ...command], { stdio: ['ignore', out, err] });
  if (status === 125) throw new Error(`the injector failed: ${options.join(' ')}`);
  const report: Report = {
    names: [],
    injected: undefined,
    calls: 0,
    where: [],
    status: undefined,
    signal: undefined,
  };
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [kind, first = '', second = ''] = line.split(' ');
    if (kind === 'call') report.names.push(second);
    if (kind === 'injected') report.injected = second;
    if (kind === 'calls') report.calls = Number(first);
    if (kind === 'where') report.where.push(line.slice('where '.length));
    if (kind === 'exit') report.status = Number(first);
    if (kind === 'signal') report.signal = Number(first);
  }
  return report;
}
