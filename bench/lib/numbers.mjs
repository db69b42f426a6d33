// Numbers: medians, and how they are written.

/** Milliseconds on a clock that does not jump. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function rest(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The value below which that share of the numbers is; between two of them where it falls there. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export const median = (numbers) => quantile(numbers, 0.5);

/** The list, beginning at its element `n`: who comes first changes from round to round. */
export function rotate(list, n) {
  const start = n % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** Three digits that say something. */
export function format(value) {
  if (value === undefined) return '';
  if (value >= 1000) return Math.round(value).toString();
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
