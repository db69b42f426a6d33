// A vitest reporter for scripts/test: prints why a test was skipped, and, when
// TSRUN_TEST_RESULTS names a directory, leaves the counts of this run there.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export default class ResultsReporter {
  onTestRunEnd(modules, unhandledErrors, reason) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const skipped = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        // A test that never came to its end (pending) has not passed.
        const state = result.state === 'pending' ? 'failed' : result.state;
        counts[state] += 1;
        if (state === 'skipped') {
          const note = result.note ?? (test.options.mode === 'todo' ? 'todo' : 'no reason given');
          skipped.push(`${test.fullName}: ${note}`);
        }
      }
      // Files that do not load and hooks that fail have errors of their own, and no failed test.
      counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    }
    if (reason !== 'passed' && counts.failed === 0) counts.failed = 1;

    if (skipped.length > 0) {
      console.log(`Skipped:\n${skipped.map((line) => `  ${line}\n`).join('')}`);
    }
    const directory = process.env['TSRUN_TEST_RESULTS'];
    if (directory !== undefined && directory !== '') {
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `${process.pid}.json`), `${JSON.stringify(counts)}\n`);
    }
  }
}
