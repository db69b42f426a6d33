// Takes the defences of docs/security.md out, one at a time, and sees that the
// test that is there for it fails, and for the right reason:
//
//   node scripts/defences.mjs [--vm] [--list] [ROW...]
//
// ROW is a number or letter of the table, or R and the number of a rule; by
// default all. --vm runs those entries too that take the virtual machine. As
// root, with what scripts/setup.sh test installs. The work is done on a copy of
// the checkout below the temporary directory, which is removed afterwards.

import { runDefences } from './lib/defences/run.mjs';
import { entries } from './lib/defences/table.mjs';

const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith('--'));
const rows = words.filter((word) => !word.startsWith('--'));
const unknown = [
  ...flags.filter((flag) => flag !== '--vm' && flag !== '--list'),
  ...rows.filter((row) => !entries.some((entry) => entry.rows.includes(row))),
];
if (unknown.length > 0) throw new Error(`no such row or option: ${unknown.join(' ')}`);

const chosen = entries.filter(
  ({ rows: own, test }) =>
    (rows.length === 0 || own.some((row) => rows.includes(row))) &&
    (flags.includes('--vm') || !test.file.startsWith('test/vm/')),
);
if (flags.includes('--list')) {
  for (const { rows: own, what, test } of chosen) {
    console.log(`${own.join(', ')}: ${what}\n    ${test.file}: ${test.title ?? test.name}`);
  }
} else {
  process.exitCode = await runDefences(chosen);
}
