/** The JSON reader and writer: like JSON.parse, but exact, and with a place for what is wrong. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as Json from '../../src/spec/json.js';
import { fuzz } from './support/property.js';
import { rounded } from './support/rounded.js';
import { damaged } from './support/texts.js';

const PIECES = [
  ...['{', '}', '[', ']', ',', ':', '"', '\\', '\n', '\r', '\t', ' ', '-', '+', '.', 'e', 'E', '0'],
  ...[
    '"a":',
    '"__proto__":',
    'true',
    'nul',
    '\\u12',
    '\\u00e9',
    '\\n',
    '\\/',
    '\\b\\f\\r\\t\\"\\\\',
  ],
  ...[
    '9007199254740993',
    '-18446744073709551615',
    '1e400',
    '0.5',
    '01',
    '\ufeff',
    '\u0001',
    '[[[[',
  ],
];

/** Objects with integers of 64 bits between what fast-check makes. */
const written = fc
  .tuple(
    fc.json({ maxDepth: 4 }),
    fc.oneof(
      fc.bigInt(-(2n ** 64n), 2n ** 64n),
      fc.bigInt(2n ** 53n - 3n, 2n ** 53n + 99n),
      fc.bigInt(-(2n ** 53n) - 9n, 99n - 2n ** 53n),
    ),
    fc.boolean(),
  )
  .map(([json, big, last]) =>
    last ? `[${json},${String(big)}]` : `{"a":${String(big)},"b":${json}}`,
  );

/** The integers of a text that a number has no room for. */
function integers(text: string): string[] {
  const all = text.match(/(?<![\w.+-])-?\d{16,}(?![\w.+-])/g) ?? [];
  return all.filter((one) => !Number.isSafeInteger(Number(one)));
}

/** Whether something is written otherwise than it was read: -0, or what had a fraction or an exponent. */
function isRounded(value: unknown): boolean {
  if (typeof value === 'number') return Object.is(value, -0) || Math.abs(value) >= 2 ** 53;
  return typeof value === 'object' && value !== null && Object.values(value).some(isRounded);
}

function attempt<T>(run: () => T): { value: T } | { error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

fuzz({
  name: 'json',
  modules: { json: 'src/spec/json.ts' },
  covers: ['src/spec/json.ts'],
  plant: {
    file: 'src/spec/json.ts',
    from: 'isInteger && !Number.isSafeInteger(value) ? BigInt(written) : value',
    to: 'isInteger && written.length > 16 ? BigInt(written) : value',
  },
  runs: 2000,
  property: ({ json }: { json: typeof Json }) =>
    fc.property(
      damaged(fc.oneof(written, fc.json()), PIECES),
      fc.constantFrom(0, 2, '\t'),
      fc.constantFrom(4, 1000),
      (text, indent, maxDepth) => {
        const theirs = attempt(() => JSON.parse(text) as unknown);
        const ours = attempt(() => json.parseJson(text));
        const slowly = attempt(() => json.readExactly(text));
        assert.equal('value' in ours, 'value' in theirs);
        if ('error' in ours) {
          assert(ours.error instanceof json.JsonError);
          assert.deepEqual(slowly, ours);
          const { line, column } = ours.error;
          const lines = text.split('\n');
          assert(line >= 1 && line <= lines.length);
          assert(column >= 1 && column <= lines[line - 1]!.length + 1);
          return;
        }
        const { value } = ours;
        assert.deepEqual(slowly, { value });
        if ('value' in theirs) assert.deepEqual(rounded(value), rounded(theirs.value));
        // No digit of an integer is lost on the way out and in again.
        const again = json.stringifyJson(value, indent);
        // 1e400 is an infinity, for which JSON has no word.
        if (!/null/.test(again)) assert.deepEqual(rounded(json.parseJson(again)), rounded(value));
        if (!isRounded(value)) {
          if (!/null/.test(again)) assert.deepEqual(json.parseJson(again), value);
          if (!/"/.test(text)) assert.deepEqual(integers(again), integers(text));
        }
        // A bound on the number of values refuses, and changes nothing else.
        const few = attempt(() => json.parseJson(text, { maxValues: 3 }));
        if ('value' in few) assert.deepEqual(few.value, value);
        else assert(String(few.error).includes('more than 3 values'));
        // So does one on the depth.
        const shallow = attempt(() => json.parseJson(text, { maxDepth }));
        if ('value' in shallow) assert.deepEqual(shallow.value, value);
        else assert(String(shallow.error).includes(`nested deeper than ${maxDepth}`));
      },
    ),
});
