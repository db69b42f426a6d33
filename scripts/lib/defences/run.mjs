// Runs entries of the table: all tests with every defence in its place, and then
// each with one taken out.

import { endPrograms } from './program.mjs';
import { resultsOf, runTests } from './tests.mjs';
import { Tree } from './tree.mjs';

/** As much of what failed as says why. */
const shortened = (text) => (text.length > 2000 ? `${text.slice(0, 2000)} [...]` : text);

const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1);

/** What is built least often comes in a row, and so do changes of the same file. */
const ORDER = ['none', 'addon', 'executable'];
function inOrder(entries) {
  const key = ({ build, changes }) => `${ORDER.indexOf(build)} ${changes[0].file}`;
  return entries.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** Tests that have not passed with every defence in its place. */
async function baseline(tree, entries) {
  const results = await runTests(
    tree,
    entries.map(({ test }) => test),
  );
  const wrong = results.errors.map((error) => `outside of tests: ${error}`);
  for (const { test } of entries) {
    const those = resultsOf(test, results);
    const name = `${test.file}: ${test.title ?? test.name}`;
    if (those.length === 0) wrong.push(`${name}: no such test`);
    for (const { state, errors } of those) {
      if (state !== 'passed') wrong.push(shortened(`${name}: ${state} ${errors.join('\n')}`));
    }
  }
  return [...new Set(wrong)];
}

/** What became of one: `noticed` (or `holds`, where that is the claim), or what else. */
async function tryWithout(tree, { changes, build, test, holds }) {
  const started = Date.now();
  tree.change(changes);
  const fault = await tree.build(build);
  const built = seconds(started);
  if (fault !== undefined) return { outcome: 'not built', built, tested: '-', detail: fault };
  const testing = Date.now();
  const results = await runTests(tree, [test]);
  const tested = seconds(testing);
  const those = resultsOf(test, results);
  const errors = those.flatMap((result) => result.errors);
  if (holds) {
    const passed = those.length > 0 && those.every(({ state }) => state === 'passed');
    const outcome = passed ? 'holds' : 'DOES NOT HOLD';
    return { outcome, built, tested, detail: errors.join('\n') };
  }
  if (errors.some((error) => test.message.test(error))) {
    return { outcome: 'noticed', built, tested, detail: '' };
  }
  const detail = [...errors, ...results.errors].join('\n');
  return { outcome: detail === '' ? 'NOT NOTICED' : 'ANOTHER FAILURE', built, tested, detail };
}

function print(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) {
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
  }
}

/** @returns the exit status: 1 when anything was not noticed */
export async function runDefences(entries) {
  const started = Date.now();
  const tree = new Tree();
  // Also when interrupted.
  process.on('exit', () => tree.remove());
  for (const signal of ['SIGINT', 'SIGTERM']) {
    // What still builds would make the directory anew.
    process.on(signal, () => void endPrograms().then(() => process.exit(130)));
  }

  const unit = entries.every(({ build }) => build === 'none');
  const fault = await tree.build(unit ? 'sources' : 'all');
  if (fault !== undefined) throw new Error(fault);
  console.log(`built in ${seconds(started)} s`);
  const testing = Date.now();
  const wrong = await baseline(tree, entries);
  console.log(`tests with every defence in its place: ${seconds(testing)} s`);
  if (wrong.length > 0) {
    console.log(`these do not pass:\n${wrong.join('\n')}`);
    return 1;
  }

  const lines = [['row', 'taken out', 'test', 'build s', 'test s', 'outcome']];
  let bad = 0;
  for (const entry of inOrder(entries)) {
    const { outcome, built, tested, detail } = await tryWithout(tree, entry);
    const { rows, what, test } = entry;
    console.log(`${rows.join(', ')}: ${what}: ${outcome} (${built} s, ${tested} s)`);
    if (outcome !== 'noticed' && outcome !== 'holds') {
      bad += 1;
      console.log(shortened(detail));
    }
    const file = test.file.replace('test/', '');
    lines.push([rows.join(' '), what, file, built, tested, outcome]);
  }
  console.log();
  print(lines);
  const total = entries.length;
  console.log(`\n${total - bad} of ${total} as they should be, ${seconds(started)} s in all`);
  return bad === 0 ? 0 : 1;
}
