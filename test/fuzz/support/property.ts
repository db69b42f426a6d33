/** A property of modules of src/: what tries it, what it is for, and a bug that it finds. */

import fc from 'fast-check';
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Subject } from './subject.js';
import type { Plant } from './subject.js';

export interface Fuzzed {
  name: string;
  /** Files of src/ that `property` gets, by the names it calls them. */
  modules: Readonly<Record<string, string>>;
  /** Files whose lines it is for. */
  covers: readonly string[];
  plant: Plant;
  /** A property of the modules; it may keep none of its own between runs. */
  property: (modules: never) => fc.IRawProperty<unknown>;
  runs: number;
}

/** The same inputs each time, so that what is covered does not change from run to run. */
const SEED = 20261129;

/**
 * TSRUN_FUZZ_SECONDS: for so long new inputs instead, and no planted bug. A
 * line about it is added to the file TSRUN_FUZZ_LOG.
 */
const seconds = Number(process.env['TSRUN_FUZZ_SECONDS'] ?? 0);

export function fuzz(fuzzed: Fuzzed): void {
  const { name, modules, covers, plant, property, runs } = fuzzed;
  const made = (subject: Subject): fc.IRawProperty<unknown> => property(subject.modules as never);

  if (seconds > 0) {
    test(name, { timeout: seconds * 2000 + 60_000 }, async () => {
      const subject = await Subject.of(modules);
      const before = process.cpuUsage();
      const result = await fc.check(made(subject), {
        numRuns: Number.MAX_SAFE_INTEGER,
        interruptAfterTimeLimit: seconds * 1000,
        markInterruptAsFailure: false,
      });
      subject.close();
      const { user, system } = process.cpuUsage(before);
      const line = {
        name,
        cpu: (user + system) / 1e6,
        runs: result.numRuns,
        failed: result.failed,
      };
      const log = process.env['TSRUN_FUZZ_LOG'];
      if (log !== undefined) appendFileSync(log, `${JSON.stringify(line)}\n`);
      expect(result.failed, fc.defaultReportMessage(result) ?? '').toBe(false);
    });
    return;
  }

  describe(name, () => {
    let subject: Subject;
    beforeAll(async () => {
      subject = await Subject.of(modules);
    });
    afterAll(() => subject.close());

    test('holds, and runs the lines that it is for', async () => {
      await fc.assert(made(subject), { numRuns: runs, seed: SEED });
      const coverage = subject.coverage(covers);
      expect(Object.keys(coverage).sort()).toEqual([...covers].sort());
      const short = Object.entries(coverage).filter(([, { run, lines }]) => run < 0.9 * lines);
      expect(short).toEqual([]);
    });

    test('finds a planted bug', async () => {
      const broken = await Subject.of(modules, plant);
      const result = await fc.check(made(broken), { numRuns: runs, seed: SEED });
      broken.close();
      expect(result.failed).toBe(true);
      // By its own doing, and not because all is broken.
      expect(result.numRuns).toBeGreaterThan(1);
    });
  });
}
