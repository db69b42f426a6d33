// A vitest reporter for scripts/test: prints why a test was skipped, and which
// passed only on its second try. When TSRUN_TEST_RESULTS names a directory, the
// counts and names of this run are left there (see lib/run-parts.mjs), also when
// the run does not come to its end.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = process.env['TSRUN_TEST_RESULTS'] ?? '';

/** The first line of an error, without colours. */
function firstLine(error) {
  const text = `${error?.name ?? 'Error'}: ${error?.message ?? 'no message'}`;
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '').split('\n', 1)[0];
}

/** Counts, and what there is to say about the tests of these modules. */
export function summarize(modules, unhandledErrors = []) {
  const summary = { passed: 0, failed: 0, skipped: 0, failures: [], secondTries: [], skips: [] };
  for (const module of modules) {
    const file = module.relativeModuleId;
    const fail = (name, error) => {
      summary.failed += 1;
      summary.failures.push({ file, name, error });
    };
    for (const test of module.children.allTests()) {
      const { state, errors = [], note } = test.result();
      const name = test.fullName;
      if (state === 'passed') {
        summary.passed += 1;
        if (test.diagnostic()?.flaky) {
          summary.secondTries.push({ file, name, error: firstLine(errors[0]) });
        }
      } else if (state === 'skipped') {
        summary.skipped += 1;
        const why = note ?? (test.options.mode === 'todo' ? 'todo' : 'no reason given');
        summary.skips.push({ file, name, error: why });
      } else {
        // A test that never came to its end (pending) has not passed.
        fail(name, state === 'failed' ? firstLine(errors[0]) : 'did not come to its end');
      }
    }
    // Files that do not load and hooks that fail have errors of their own, and no failed test.
    for (const error of module.errors()) fail('', firstLine(error));
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors()) fail(suite.fullName, firstLine(error));
    }
  }
  for (const error of unhandledErrors) {
    summary.failed += 1;
    summary.failures.push({ file: '', name: '', error: firstLine(error) });
  }
  return summary;
}

export default class ResultsReporter {
  #ended = [];

  /** In case that the run is ended from outside. */
  onTestModuleEnd(module) {
    this.#ended.push(module);
    this.#leave(summarize(this.#ended), false);
  }

  onTestRunEnd(modules, unhandledErrors, reason) {
    const summary = summarize(modules, unhandledErrors);
    if (reason !== 'passed' && summary.failed === 0) {
      summary.failed = 1;
      summary.failures.push({ file: '', name: '', error: `the run was ${reason}` });
    }
    const print = (title, list) => {
      if (list.length === 0) return;
      const lines = list.map(({ name, error }) => `  ${name}: ${error}\n`);
      console.log(`${title}:\n${lines.join('')}`);
    };
    print('Skipped', summary.skips);
    print('Passed on the second try', summary.secondTries);
    this.#leave(summary, true);
  }

  #leave(summary, finished) {
    if (directory === '') return;
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, `${process.pid}.json`),
      `${JSON.stringify({ ...summary, finished })}\n`,
    );
  }
}
