/** What came out of operations of managers: left by the tests, printed at the end of the suite. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export interface Result {
  manager: string;
  caller: string;
  cgroups: string;
  operation: string;
  runtime: (typeof RUNTIMES)[number];
  seconds: number;
  works: boolean;
}

const RUNTIMES = ['tsrun', 'crun', 'runc'] as const;

/** The file of results, in the environment of workers. */
export const RESULTS = 'TSRUN_VM_RESULTS';

export function record(result: Result): void {
  const file = process.env[RESULTS];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}

export function readResults(file: string): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Result);
}

/**
 * One line an operation, tsrun beside crun. Of a test that was tried again the
 * last result counts.
 *
 * @returns nothing when there are no results
 */
export function formatResults(results: readonly Result[]): string {
  const rows = new Map<string, Map<Result['runtime'], string>>();
  for (const { manager, caller, cgroups, operation, runtime, seconds, works } of results) {
    const key = [manager, caller, cgroups, operation].join('\t');
    const cells = rows.get(key) ?? new Map<Result['runtime'], string>();
    cells.set(runtime, works ? seconds.toFixed(1) : 'FAILS');
    rows.set(key, cells);
  }
  if (rows.size === 0) return '';
  const table = [['manager', 'caller', 'cgroups', 'operation', 'tsrun s', 'crun s', 'runc s']];
  for (const [key, cells] of rows) {
    const seconds = RUNTIMES.map((runtime) => cells.get(runtime) ?? '-');
    table.push([...key.split('\t'), ...seconds]);
  }
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: string[]): string =>
    row
      .map((cell, column) =>
        column < 4 ? cell.padEnd(widths?.[column] ?? 0) : cell.padStart(widths?.[column] ?? 0),
      )
      .join('  ');
  return table.map(line).join('\n');
}
