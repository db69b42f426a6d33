// Runs tests by file and name in a tree, and tells what became of them.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { runProgram } from './program.mjs';

/** The project of vitest.config.ts that a file belongs to. */
const projectOf = (file) => file.split('/')[1];

/** A pattern for the whole name of a test; what a table fills in (`%s`, `$name`) may be anything. */
export function patternOf({ name, title = name }) {
  const literal = title.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  // No spaces: what tests look for in the command lines of processes must not be in ours.
  return `(^| )${literal.replaceAll(/%[sijdo]|\\\$\w+/g, '.*')}$`.replaceAll(' ', '\\s');
}

/** @returns tests that were run: file, name, state, errors; and errors that belong to no test */
export async function runTests(tree, tests) {
  const results = { tests: [], errors: [] };
  for (const project of new Set(tests.map(({ file }) => projectOf(file)))) {
    const those = tests.filter(({ file }) => projectOf(file) === project);
    const file = join(tree.path, 'defences.json');
    rmSync(file, { force: true });
    const { status, output } = await runProgram(
      [
        ...['node', 'node_modules/vitest/vitest.mjs', 'run', '--project', project, '--retry=0'],
        ...['--reporter=./scripts/lib/defences/reporter.mjs'],
        ...['-t', [...new Set(those.map(patternOf))].join('|')],
        ...new Set(those.map((test) => test.file)),
      ],
      tree.path,
      {
        TSRUN_DEFENCES_RESULTS: file,
        TSRUN_CLI: join(tree.path, 'dist/tsrun'),
        // The virtual machine gets the package, which else has the time of the commit.
        ...(project === 'vm' ? { TSRUN_TEST_VM: '1', SOURCE_DATE_EPOCH: '1' } : {}),
      },
    );
    try {
      const { tests: ran, errors } = JSON.parse(readFileSync(file, 'utf8'));
      results.tests.push(...ran);
      results.errors.push(...errors);
      // The reporter does not hear of what is set up before all of them.
      if (status !== 0 && ran.length === 0) results.errors.push(`no test was run: ${output}`);
    } catch {
      results.errors.push(`vitest left no results: ${output}`);
    }
  }
  return results;
}

/** Those of the results that are this test, which may be several of a table. */
export function resultsOf(test, { tests }) {
  const pattern = new RegExp(patternOf(test));
  return tests.filter(({ file, name }) => file === test.file && pattern.test(name));
}
