// What it costs that the runtime's executable cannot be reached from inside: the
// helper is executed from a sealed memory file, instead of a fork that goes on.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { compile } from '../lib/programs.mjs';

const HELPER = join(import.meta.dirname, '../../native/build/helper/tsrun-helper');

function measure(scene) {
  const program = compile('protection', scene.work);
  const rounds = String(scene.options.rounds * 10);
  const output = execFileSync(program, [HELPER, rounds], { encoding: 'utf8' });
  for (const text of output.trim().split('\n')) {
    const [sealed, executed, forked] = text.split(' ').map((ns) => Number(ns) / 1e6);
    scene.record('protection', 'tsrun', sealed + executed - forked);
    scene.record('sealed', 'tsrun', sealed);
    scene.record('executed', 'tsrun', executed);
    scene.record('executed', 'fork', forked);
  }
}

export const protection = {
  name: 'protection',
  lines: [
    { name: 'protection', title: 'protection of the executable, in each run', limits: {} },
    { name: 'sealed', title: 'of it: the sealed memory file', limits: {} },
    {
      name: 'executed',
      title: 'of it: a child that executes the file, beside one that is a fork',
      limits: {},
    },
  ],
  measure,
};
