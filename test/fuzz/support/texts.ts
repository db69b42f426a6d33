/** Texts that are almost right: of known parts, cut, repeated and mixed. */

import fc from 'fast-check';

/** Any of the parts after each other, and now and then something else between them. */
export function ofParts(parts: readonly string[], most = 12): fc.Arbitrary<string> {
  const part = fc.oneof(
    { arbitrary: fc.constantFrom(...parts), weight: 12 },
    { arbitrary: fc.string({ unit: 'binary', maxLength: 4 }), weight: 1 },
  );
  return fc.array(part, { maxLength: most }).map((some) => some.join(''));
}

/** A text with a piece of it replaced, doubled or left out. */
export function damaged(
  text: fc.Arbitrary<string>,
  pieces: readonly string[],
): fc.Arbitrary<string> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 0, max: 8 }),
    piece: fc.constantFrom('', ...pieces),
  });
  return fc.tuple(text, fc.array(change, { maxLength: 3 })).map(([whole, changes]) =>
    changes.reduce((now, { at, length, piece }) => {
      const from = Math.floor(at * now.length);
      return now.slice(0, from) + piece + now.slice(from + length);
    }, whole),
  );
}
