/** Tables for people. */

/** Narrower columns than this one are widened to it, as runc's are. */
const MIN_WIDTH = 12;
const GAP = 3;

/**
 * Lines up rows of cells: every column but the last is as wide as its widest
 * cell and a gap.
 */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (let i = 0; i < row.length; i++) {
      const width = (row[i] ?? '').length + GAP;
      if (width > (widths[i] ?? MIN_WIDTH - 1)) widths[i] = Math.max(width, MIN_WIDTH);
    }
  }
  const lines: string[] = [];
  for (const row of rows) {
    const last = row.length - 1;
    let line = '';
    for (let i = 0; i < last; i++) line += (row[i] ?? '').padEnd(widths[i] ?? MIN_WIDTH);
    lines.push(`${line}${row[last] ?? ''}\n`);
  }
  return lines.join('');
}
