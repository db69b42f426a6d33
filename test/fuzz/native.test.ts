/**
 * The targets of libFuzzer (scripts/lib/fuzz-targets.mjs, docs/fuzzing.md): the
 * corpus that is kept passes and runs the lines that a target is for, and from
 * there each bug that is planted in the code is found.
 */

import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';

import { buildTargets, findPlanted, replay, targets } from '../../scripts/lib/fuzz.mjs';

const missing = ['clang++-19', 'llvm-cov-19', 'llvm-profdata-19'].find(
  (command) => spawnSync(command, ['--version']).error !== undefined,
);
const names = Object.keys(targets);
/** Seconds to find the planted bug: on an idle processor it takes one or two. */
const PLANTED_SECONDS = 100;

if (missing !== undefined) {
  test('the targets of libFuzzer', (context) => {
    context.skip(`${missing} is not installed: scripts/setup.sh test installs it`);
  });
}

describe.skipIf(missing !== undefined)('libFuzzer', () => {
  beforeAll(() => buildTargets(names), 600_000);

  test.each(names)('%s: the corpus passes, and runs the lines it is for', async (name) => {
    const { status, output, coverage } = await replay(name);
    expect(status, output).toBe(0);
    expect(Object.keys(coverage).sort()).toEqual([...targets[name]!.covers].sort());
    const sum = (of: 'run' | 'lines'): number =>
      Object.values(coverage).reduce((total, file) => total + file[of], 0);
    expect(sum('run') / sum('lines')).toBeGreaterThanOrEqual(0.9);
    // And no file hides behind the others.
    const short = Object.entries(coverage).filter(([, { run, lines }]) => run < 0.8 * lines);
    expect(short).toEqual([]);
  });

  const planted = names.flatMap((name) =>
    targets[name]!.plants.map((_, index) => [name, index] as const),
  );

  test.each(planted)('%s: planted bug %i is found', async (name, index) => {
    const { status, output } = await findPlanted(name, index, PLANTED_SECONDS);
    expect(status, output).not.toBe(0);
    expect(output).toMatch(targets[name]!.plants[index]!.finding);
  });
});
