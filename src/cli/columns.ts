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
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? MIN_WIDTH, cell.length + GAP);
    });
  }
  let text = '';
  for (const row of rows) {
    row.forEach((cell, i) => {
      text += i === row.length - 1 ? `${cell}\n` : cell.padEnd(widths[i] ?? 0);
    });
  }
  return text;
}
