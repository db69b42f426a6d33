import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeProblem } from '../../src/spec/problem.js';
import { escaped, escapedJson, printable, printableBytes } from '../../src/printable.js';

/** Unicode's controls, format characters and separators of lines, as the engine of Node has them. */
const ACTS = /[\p{Cc}\p{Cf}\u2028\u2029]/u;

/** Signs before a number or a verse, which are seen: Cf, but not what is meant. */
const SEEN = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/u;

/** Layout of hieroglyphs, shorthand and music: without effect on others. */
const WITHIN = /[\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}]/u;

function acting(): string[] {
  const found: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const text = String.fromCodePoint(code);
    if (ACTS.test(text) && !SEEN.test(text) && !WITHIN.test(text)) found.push(text);
  }
  return found;
}

describe('what a terminal would obey, or nobody would see', () => {
  test('becomes question marks for people', () => {
    for (const text of acting()) {
      expect(printable(`a${text}b`), JSON.stringify(text)).toBe(`a${'?'.repeat(text.length)}b`);
    }
  });

  test('is written as an escape in JSON, which says the same', () => {
    for (const text of acting()) {
      for (const json of [escapedJson(JSON.stringify(text)), `"${escaped(text)}"`]) {
        expect(json).toMatch(/^"[\x20-\x7e]+"$/);
        expect(JSON.parse(json)).toBe(text);
      }
    }
  });

  test('of any text and any document', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), text, (value, name) => {
        const json = escapedJson(JSON.stringify({ [name]: value }, null, 2));
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ [name]: value })));
        expect(json).not.toMatch(/[^\P{Cc}\n]/u);
        expect(printable(name)).not.toMatch(/\p{Cc}/u);
        expect(printable(name)).toHaveLength(name.length);
      }),
    );
  });
});

test('other text is left as it is', () => {
  for (const text of ['', 'plain', 'äöü', '日本語', 'עברית', '👍🏽', '\u{1f468}\u{1f469}']) {
    expect(printable(text)).toBe(text);
    expect(escaped(text)).toBe(text);
    expect(printableBytes(new TextEncoder().encode(text))).toBe(text);
  }
});

test('bytes are UTF-8 or question marks', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(printableBytes(new TextEncoder().encode(text))).toBe(printable(text));
    }),
  );
  for (const bytes of [
    ...[[0x9b], [0xff], [0xc0, 0x80], [0xc2], [0xe2, 0x80], [0xed, 0xa0, 0x80]],
    ...[
      [0xe0, 0x80, 0x80],
      [0xf0, 0x80, 0x80, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf8, 0x80],
    ],
  ]) {
    expect(printableBytes(Uint8Array.of(...bytes))).toBe('?'.repeat(bytes.length));
  }
  // U+009B in UTF-8, and the one that turns the direction.
  expect(printableBytes(Uint8Array.of(0x61, 0xc2, 0x9b, 0xe2, 0x80, 0xae))).toBe('a??');
});

test('a problem of a document names what may hold anything', () => {
  const pointer = '/annotations/a\u001b\u009b\u202e\n';
  expect(describeProblem({ pointer, message: 'm' })).toBe(
    '/annotations/a\\u001b\\u009b\\u202e\\u000a: m',
  );
});
