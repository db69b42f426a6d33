/** A limit of memory that is written by hand: `256` for `256M` is a mistake that kills the container. */

/** Of less no program is of use. */
const LEAST = 1024 ** 2;

/** @returns what the size must be, as the end of a sentence, where it is too small for any program */
export function tooLittleMemory(bytes: number | bigint): string | undefined {
  // -1 is no limit, and 0 leaves it as it is.
  return bytes <= 0 || bytes >= LEAST
    ? undefined
    : 'at least 1M (a number without a unit is bytes)';
}
