// The results as text, as bench/RESULTS.md and as a plot.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, median, quantile } from './numbers.mjs';
import { plot } from './plot.mjs';

/** Whom tsrun is compared with, in the order of the table. */
const OTHERS = ['crun', 'runc', 'floor', 'node'];

/**
 * The lines that have values, each with the medians by runtime and, of those
 * that it is compared with, the ratio and whether that is within the limit.
 */
export function linesOf(rows, samples, options) {
  return rows
    .flatMap(({ lines }) => lines)
    .filter(({ name }) => samples.has(name))
    .map((line) => {
      const medians = {};
      for (const [name, values] of samples.get(line.name)) medians[name] = median(values);
      const ratios = {};
      for (const other of OTHERS) {
        if (medians[other] === undefined) continue;
        const ratio = medians.tsrun / medians[other];
        const limit = line.limits[other];
        ratios[other] = { ratio, limit, good: limit === undefined || ratio <= limit };
      }
      const title = typeof line.title === 'string' ? line.title : line.title(options);
      return { unit: 'ms', ...line, title, medians, ratios };
    });
}

const ratioText = (entry) => {
  if (entry === undefined) return '';
  const { ratio, limit, good } = entry;
  return `${format(ratio)}${limit === undefined ? '' : good ? ` ≤ ${limit}` : ` **> ${limit}**`}`;
};

const COLUMNS = ['tsrun', ...OTHERS];

const isTooMuch = ({ most, medians }) => most !== undefined && medians.tsrun > most;

/** tsrun's own, with the most that it may be where there is one. */
const ownText = (line) => {
  const { most, medians } = line;
  if (most === undefined) return format(medians.tsrun);
  return `${format(medians.tsrun)} ${isTooMuch(line) ? `**> ${most}**` : `≤ ${most}`}`;
};

function resultRows(lines) {
  return lines.map((line) => [
    line.unit === 'ms' ? line.title : `${line.title}, ${line.unit}`,
    ownText(line),
    ...OTHERS.map((name) => format(line.medians[name])),
    ...OTHERS.map((name) => ratioText(line.ratios[name])),
  ]);
}

const HEADER = ['', ...COLUMNS, ...OTHERS.map((name) => `/ ${name}`)];

/** Parts of a run by the time they take. */
function profileRows(samples) {
  const parts = [...samples]
    .filter(([line]) => line.startsWith('profile '))
    .map(([line, values]) => [line.slice('profile '.length), median(values.get('tsrun'))]);
  const whole = parts.reduce((sum, [, time]) => sum + time, 0);
  return parts
    .sort((a, b) => b[1] - a[1])
    .map(([name, time]) => [
      name,
      (time * 1000).toFixed(0),
      `${((time / whole) * 100).toFixed(0)} %`,
    ]);
}

function spreadRows(lines, samples) {
  return lines.flatMap(({ title, name }) =>
    [...samples.get(name)].map(([runtime, values]) => [
      title,
      runtime,
      values.length,
      ...[0, 0.25, 0.5, 0.75, 1].map((share) => format(quantile(values, share))),
    ]),
  );
}

/** Rows of equal length, as lines of text with the numbers at the right. */
function textTable(header, rows) {
  const cells = [
    header,
    ...rows.map((row) => row.map((cell) => String(cell).replaceAll('**', ''))),
  ];
  const widths = header.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  return cells
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))),
    )
    .map((row) => row.join('  ').trimEnd())
    .join('\n');
}

/** The same for Markdown, laid out as prettier does. */
function markdownTable(header, rows) {
  const cells = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, i) => Math.max(3, ...cells.map((row) => row[i].length)));
  const pad = (row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])));
  const rule = widths.map((width, i) =>
    i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  const [first, ...others] = cells.map(pad);
  return [first, rule, ...others].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

export function printResults({ lines, samples, options, seconds }) {
  if (lines.length > 0) {
    console.log(`medians of ${options.rounds} rounds, in milliseconds where nothing else is said`);
    console.log(textTable(HEADER, resultRows(lines)));
  }
  const parts = profileRows(samples);
  if (parts.length > 0) {
    console.log('\nwhere the time of a container goes, microseconds (medians)');
    console.log(textTable(['', 'µs', 'of all'], parts));
  }
  const missed = lines.flatMap((line) => [
    ...(isTooMuch(line)
      ? [`  ${line.title}: ${format(line.medians.tsrun)}, at most ${line.most}`]
      : []),
    ...Object.entries(line.ratios)
      .filter(([, { good }]) => !good)
      .map(
        ([name, { ratio, limit }]) =>
          `  ${line.title}: ${format(ratio)} of ${name}, at most ${limit}`,
      ),
  ]);
  if (missed.length > 0) console.log(`\nnot reached:\n${missed.join('\n')}`);
  console.log(`\n${seconds.toFixed(0)} s`);
}

/** Writes bench/RESULTS.md and docs/bench.svg below a directory. */
export function writeResults({ machine, options, lines, samples, seconds }, directory) {
  const facts = Object.entries(machine).map(([name, value]) => [name, value]);
  const text = `# Results

Written by \`npm run bench\`; [README.md](README.md) says what each row is. Medians of ${options.rounds} rounds
(of the row with parallel callers: of ${samples.get('parallel')?.get('tsrun')?.length ?? 0}), in milliseconds where nothing else is said. A ratio is
followed by the most that it may be; what is not reached is bold. The whole took ${Math.round(seconds / 60)} minutes.

${markdownTable(['', ''], facts)}

![Plot of the results](../docs/bench.svg)

${markdownTable(HEADER, resultRows(lines))}

## Where the time goes

One container with that configuration through the library, by the operations of its plan
([docs/architecture.md](../docs/architecture.md)), from the times that the helper notes.

${markdownTable(['', 'µs', 'of all'], profileRows(samples))}

## Spread

${markdownTable(['', 'runtime', 'values', 'least', '25 %', 'median', '75 %', 'most'], spreadRows(lines, samples))}
`;
  for (const folder of ['bench', 'docs']) mkdirSync(join(directory, folder), { recursive: true });
  writeFileSync(join(directory, 'bench/RESULTS.md'), text);
  writeFileSync(join(directory, 'docs/bench.svg'), plot(lines, machine));
  console.log(`written to ${join(directory, 'bench/RESULTS.md')} and docs/bench.svg`);
}
