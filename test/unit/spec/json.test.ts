import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  JsonError,
  MAX_VALUES,
  parseJson,
  readExactly,
  stringifyJson,
} from '../../../src/spec/json.js';

/** Line, column and reason of the error that a text gives, with both readers. */
function errorOf(text: string): string {
  const messages = [parseJson, readExactly].map((read) => {
    try {
      read(text);
    } catch (error) {
      if (error instanceof JsonError) return error.message;
      throw error;
    }
    return 'no error';
  });
  expect(messages[0]).toBe(messages[1]);
  return String(messages[0]);
}

describe('parseJson', () => {
  it('reads what JSON.parse reads, by both readers', () => {
    // Numbers of fc.json are doubles, so nothing is a bigint but large integers.
    const exact = (value: unknown): boolean =>
      typeof value === 'number'
        ? !Number.isInteger(value) || Number.isSafeInteger(value)
        : typeof value !== 'object' || value === null || Object.values(value).every(exact);
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 0, max: 4 }), (json, indent) => {
        const expected: unknown = JSON.parse(json);
        fc.pre(exact(expected));
        for (const text of [json, JSON.stringify(expected, null, indent)]) {
          expect(parseJson(text)).toEqual(expected);
          expect(readExactly(text)).toEqual(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what JSON.parse refuses, and nothing else', () => {
    const token = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"a"', '"', '\\', '\\u12', '\n', ' ', '-', '0', '1', '.5'],
      ...['e', 'E+1', 'true', 'nul', 'null', '\t', '\u0001', '\u00a0', "'", '00', '\\n', '/'],
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 8 }), (tokens) => {
        const text = tokens.join('');
        let expected: unknown;
        let valid = true;
        try {
          expected = JSON.parse(text);
        } catch {
          valid = false;
        }
        if (valid) {
          expect(readExactly(text)).toEqual(expected);
        } else {
          expect(() => readExactly(text)).toThrow(JsonError);
          expect(() => parseJson(text)).toThrow(JsonError);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('reads every string as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (string) => {
        const text = JSON.stringify(string);
        expect(readExactly(text)).toBe(string);
        const escaped = [...Array(string.length).keys()].map(
          (i) => '\\u' + string.charCodeAt(i).toString(16).padStart(4, '0'),
        );
        expect(readExactly(`"${escaped.join('')}"`)).toBe(string);
      }),
    );
    expect(readExactly('"\\"\\\\\\/\\b\\f\\n\\r\\t"')).toBe('"\\/\b\f\n\r\t');
  });

  it.each([
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['9007199254740993', 9007199254740993n],
    ['-9007199254740993', -9007199254740993n],
    ['18446744073709551615', 18446744073709551615n],
    ['-9223372036854775808', -9223372036854775808n],
    ['1e3', 1000],
    ['9007199254740993.0', 9007199254740992],
    ['1e400', Infinity],
    ['0.12345678901234567890', 0.12345678901234568],
  ])('keeps the number %s', (text, value) => {
    expect(parseJson(text)).toBe(value);
    expect(parseJson(`{"a": [${text}]}`)).toEqual({ a: [value] });
  });

  it('keeps every integer of 64 bits', () => {
    const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(integer, (value) => {
        const read = parseJson(`[${String(value)}]`) as [number | bigint];
        expect(BigInt(read[0])).toBe(value);
        expect(typeof read[0]).toBe(Number.isSafeInteger(Number(value)) ? 'number' : 'bigint');
      }),
    );
  });

  it('takes the last of members of the same name', () => {
    for (const text of ['{"a":1,"b":2,"a":3}', '{"a":9007199254740993,"b":2,"a":3}']) {
      expect(parseJson(text)).toEqual({ a: 3, b: 2 });
    }
  });

  it('reads __proto__ as a name like any other', () => {
    for (const text of ['{"__proto__":{"a":1}}', '{"__proto__":{"a":18446744073709551615}}']) {
      const value = parseJson(text) as object;
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.keys(value)).toEqual(['__proto__']);
      expect('a' in value).toBe(false);
    }
  });

  it('limits the depth, by both readers alike', () => {
    const nested = (depth: number, inside = '') => '['.repeat(depth) + inside + ']'.repeat(depth);
    expect(parseJson(nested(1000))).toBeInstanceOf(Array);
    expect(parseJson(nested(1000, '9007199254740993'))).toBeInstanceOf(Array);
    expect(errorOf(nested(1001))).toBe('line 1, column 1001: nested deeper than 1000');
    expect(errorOf(nested(200_000))).toBe('line 1, column 1001: nested deeper than 1000');
    expect(() => parseJson('{"a":{"b":1}}', { maxDepth: 1 })).toThrow(
      'line 1, column 6: nested deeper than 1',
    );
    expect(parseJson('{"a":1}', { maxDepth: 1 })).toEqual({ a: 1 });
  });

  it('limits the length of numbers, by both readers alike', () => {
    const digits = (count: number): string => '9'.repeat(count);
    const refused = 'line 2, column 7: a number of more than 1000 characters';
    // Behind so much text that it is found wherever it begins and ends.
    for (let before = 0; before < 1000; before += 37) {
      for (const number of [
        digits(1001),
        `-${digits(1000)}`,
        `0.${digits(999)}`,
        `1e${digits(999)}`,
        `1.${digits(500)}e-${digits(497)}`,
      ]) {
        const text = `{"a":"${'x'.repeat(before)}",\n "b": ${number}}`;
        expect(number).toHaveLength(1001);
        expect(errorOf(text)).toBe(refused);
      }
    }
    for (const number of [digits(1000), `0.${digits(998)}`, `1e${digits(998)}`]) {
      expect(typeof parseJson(number)).toMatch(/number|bigint/);
      expect(parseJson(`[${number}]`)).toEqual([readExactly(number)]);
    }
    for (const text of [`["${digits(5000)}"]`, `{"${digits(5000)}":1}`]) {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }
    // The engine would take seconds, or minutes.
    expect(errorOf(`[\n\n${digits(30_000_000)}]`)).toBe(
      'line 3, column 1: a number of more than 1000 characters',
    );
  });

  it('limits how many values there are, by both readers alike', () => {
    const list = (count: number): string => `[${Array(count).fill('0').join(',')}]`;
    expect(parseJson(list(MAX_VALUES - 1))).toHaveLength(MAX_VALUES - 1);
    expect(errorOf(list(MAX_VALUES))).toBe(
      `line 1, column ${2 * MAX_VALUES}: more than ${MAX_VALUES} values`,
    );
    const members = (count: number): string =>
      `{${Array.from({ length: count }, (_, i) => `"${i}":{}`).join(',')}}`;
    expect(Object.keys(parseJson(members(MAX_VALUES - 1)) as object)).toHaveLength(MAX_VALUES - 1);
    expect(errorOf(members(MAX_VALUES))).toMatch(`more than ${MAX_VALUES} values`);
    // What stands in a string is none.
    const commas = ',[{'.repeat(MAX_VALUES);
    expect(parseJson(JSON.stringify([commas]))).toEqual([commas]);
    expect(parseJson('[[1,2],{"a":3}]', { maxValues: 6 })).toEqual([[1, 2], { a: 3 }]);
    expect(() => parseJson('[[1,2],{"a":3}]', { maxValues: 5 })).toThrow(
      'line 1, column 13: more than 5 values',
    );
  });

  it.each([
    ['', 'line 1, column 1: the text ends, expected a value'],
    ['{]', "line 1, column 2: expected a member name in double quotes or '}'"],
    ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: expected ',' or '}' after a member"],
    ['{\n  "a": 1,\n}', 'line 3, column 1: expected a member name in double quotes'],
    ['{"a" 1}', "line 1, column 6: expected ':' after a member name"],
    ['{"a":}', 'line 1, column 6: expected a value'],
    ['[1 2]', "line 1, column 4: expected ',' or ']' after an element"],
    ['[1,]', 'line 1, column 4: expected a value'],
    ['[}', "line 1, column 2: expected a value or ']'"],
    ['[\r\n1,\r\n2', "line 3, column 2: the text ends, expected ',' or ']' after an element"],
    ['{"a": tru}', 'line 1, column 7: expected a value'],
    ['{} {}', 'line 1, column 4: more text after the end of the value'],
    ['01', 'line 1, column 2: a number must not begin with a needless 0'],
    ['-', "line 1, column 2: the text ends, expected a digit after '-'"],
    ['-a', "line 1, column 2: expected a digit after '-'"],
    ['1.', "line 1, column 3: the text ends, expected a digit after '.'"],
    ['1e+', 'line 1, column 4: the text ends, expected a digit in an exponent'],
    ['["abc', 'line 1, column 2: the string that begins here has no end'],
    ['["abc\n"]', 'line 1, column 2: the string that begins here has no end'],
    ['"\t"', 'line 1, column 2: a control character in a string must be written as an escape'],
    ['"\\x"', 'line 1, column 2: an unknown escape in a string'],
    ['"\\u12g4"', 'line 1, column 2: \\u needs four hexadecimal digits'],
    ['\ufeff{}', 'line 1, column 1: a byte order mark is not allowed'],
    ['// no\n{}', 'line 1, column 1: expected a value'],
  ])('says what is wrong with %j', (text, message) => {
    expect(errorOf(text)).toBe(message);
  });
});

describe('stringifyJson', () => {
  it('writes bigints as integers', () => {
    expect(stringifyJson({ a: [18446744073709551615n, 1], b: undefined, c: [undefined] })).toBe(
      '{"a":[18446744073709551615,1],"c":[null]}',
    );
    expect(stringifyJson({ a: [1n, {}], b: [] }, 2)).toBe(
      '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
    );
  });

  it('writes everything else as JSON.stringify does, with and without a bigint', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5 }),
        fc.integer({ min: 0, max: 4 }),
        (value, indent) => {
          expect(stringifyJson({ value }, indent)).toBe(JSON.stringify({ value }, null, indent));
          expect(stringifyJson({ value, n: 1n }, indent)).toBe(
            JSON.stringify({ value, n: 1 }, null, indent),
          );
        },
      ),
    );
  });

  it('writes what parseJson reads', () => {
    const text = '{"soft":18446744073709551615,"hard":[-9223372036854775808,1.5]}';
    expect(stringifyJson(parseJson(text))).toBe(text);
  });
});
