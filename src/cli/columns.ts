/** Tables for people. */

import { printable } from '../printable.js';

/** Narrower columns than this one are widened to it, as runc's are. */
const MIN_WIDTH = 12;
const GAP = 3;

/**
 * Lines up rows of cells, as many in each: every column but the last is as wide
 * as its widest cell and a gap. Cells may hold anything.
 */
export function columns(rows: readonly (readonly string[])[]): string {
  const last = (rows[0]?.length ?? 0) - 1;
  // A column at a time, and each line by itself: `list` is for a thousand containers too.
  const widths: number[] = [];
  for (let column = 0; column < last; column++) {
    let widest = MIN_WIDTH - GAP;
    for (const row of rows) {
      const { length } = row[column] ?? '';
      if (length > widest) widest = length;
    }
    widths.push(widest + GAP);
  }
  const lines: string[] = [];
  for (const row of rows) {
    let line = '';
    for (let column = 0; column < last; column++) {
      line += (row[column] ?? '').padEnd(widths[column] ?? 0);
    }
    line += row[last] ?? '';
    lines.push(`${printable(line)}\n`);
  }
  return lines.join('');
}
