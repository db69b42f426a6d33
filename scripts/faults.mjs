// Fails every system call of every command once, and kills its processes once at each
// (docs/reliability.md):
//
//   node scripts/faults.mjs [OPTIONS] [COMMAND...]
//
//   --part N          a twentieth only, 0 to 19; --part today is that of the day, as in ./scripts/test
//   --fault TEXT      one fault, as a finding names it: --fault 'state runtime fail 27 openat EIO'
//   --cli FILE        another executable than dist/tsrun
//   --report FILE     where the findings go, a line each (default: standard output)
//
// Ends with a table of counts; its status says whether anything was found.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  options: { part: text, fault: text, cli: text, report: text },
  allowPositionals: true,
});

const directory = mkdtempSync(join(tmpdir(), 'tsrun-faults-report-'));
const file = join(directory, 'report');
writeFileSync(file, '');
const commands = values.fault === undefined ? positionals : [values.fault.split(' ')[0]];
const env = {
  ...process.env,
  TSRUN_FAULTS_REPORT: file,
  TSRUN_FAULTS_OF: commands.join(' '),
  ...(values.cli === undefined ? {} : { TSRUN_CLI: values.cli }),
};
if (values.part === 'today') delete env.TSRUN_FAULTS;
else env.TSRUN_FAULTS = values.fault ?? values.part ?? 'all';

const vitest = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--project',
  'reliability',
  '--retry',
  '0',
];
const { status, stdout, stderr } = spawnSync(process.execPath, [...vitest, 'faults.test'], {
  env,
  encoding: 'utf8',
  cwd: join(import.meta.dirname, '..'),
  stdio: ['ignore', 'pipe', 'pipe'],
  maxBuffer: 2 ** 28,
});
const lines = readFileSync(file, 'utf8').trim().split('\n');
rmSync(directory, { recursive: true });

const findings = lines.filter((line) => line !== '' && !line.startsWith('# '));
if (values.report === undefined) for (const line of findings) console.log(line);
const counts = lines
  .filter((line) => line.startsWith('# '))
  .map((line) => {
    const [, command, part, json] = /^# (\S+) (\S+) (.*)$/.exec(line);
    const { calls, faults, bad, kinds } = JSON.parse(json);
    return { command, part, calls, faults, bad, ...kinds };
  });
if (counts.length === 0) {
  console.log(stdout + stderr);
  process.exit(1);
}
const all = { command: 'all', part: '' };
for (const row of counts) {
  for (const [key, value] of Object.entries(row)) {
    if (typeof value === 'number') all[key] = (all[key] ?? 0) + value;
  }
}
const rows = [...counts, all].map((row) => Object.values(row).map(String));
const table = [Object.keys(counts[0]), ...rows];
const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
const shown = table.map((row) =>
  row.map((cell, column) => cell[column < 2 ? 'padEnd' : 'padStart'](widths[column])).join('  '),
);
console.log(shown.join('\n'));
if (values.report !== undefined) {
  writeFileSync(values.report, [...findings, '', ...shown, ''].join('\n'));
}
process.exitCode = status ?? 1;
