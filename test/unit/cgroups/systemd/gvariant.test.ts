import { describe, expect, test } from 'vitest';

import { parseGVariant } from '../../../../src/cgroups/systemd/gvariant.js';

test.each([
  ['true', 'b', [['b', '1']]],
  [' false ', 'b', [['b', '0']]],
  ['7', 'i', [['i', '7']]],
  ['-7', 'i', [['i', '-7']]],
  ['0x1F', 'i', [['i', '31']]],
  ['010', 'i', [['i', '8']]],
  ['byte 255', 'y', [['y', '255']]],
  ['uint64 18446744073709551615', 't', [['t', '18446744073709551615']]],
  ['int64 -9223372036854775808', 'x', [['x', '-9223372036854775808']]],
  ['@t 5', 't', [['t', '5']]],
  ["'a b'", 's', [['s', 'a b']]],
  ['"it\'s"', 's', [['s', "it's"]]],
  [String.raw`'\n\'\u00e4\\'`, 's', [['s', "\n'ä\\"]]],
  ["objectpath '/a'", 'o', [['o', '/a']]],
  [
    "['a', 'b']",
    'as',
    [
      ['a', 's'],
      ['s', 'a'],
      ['s', 'b'],
      [')', ''],
    ],
  ],
  [
    '@as []',
    'as',
    [
      ['a', 's'],
      [')', ''],
    ],
  ],
  [
    '[uint64 1, 2]',
    'at',
    [
      ['a', 't'],
      ['t', '1'],
      ['t', '2'],
      [')', ''],
    ],
  ],
  [
    "('/dev/null', uint64 5)",
    '(st)',
    [
      ['r', 'st'],
      ['s', '/dev/null'],
      ['t', '5'],
      [')', ''],
    ],
  ],
  [
    "@a(st) [('x', 1)]",
    'a(st)',
    [
      ['a', '(st)'],
      ['r', 'st'],
      ['s', 'x'],
      ['t', '1'],
      [')', ''],
      [')', ''],
    ],
  ],
  [
    '(1,)',
    '(i)',
    [
      ['r', 'i'],
      ['i', '1'],
      [')', ''],
    ],
  ],
  [
    "<'x'>",
    'v',
    [
      ['v', 's'],
      ['s', 'x'],
      [')', ''],
    ],
  ],
])('%s', (text, signature, items) => {
  expect(parseGVariant(text)).toEqual({ signature, items });
});

test('takes lists of any length inside of others', () => {
  const result = parseGVariant(`[[${'1,'.repeat(200_000)}1]]`);
  expect('items' in result && result.items.length).toBe(200_005);
});

describe('refuses', () => {
  test.each([
    ['', 'a value was expected'],
    ['word', 'a value was expected'],
    ['1 2', 'something follows'],
    ['2147483648', 'out of the range of type "i"'],
    ['byte 256', 'out of the range of type "y"'],
    ['uint32 -1', 'out of the range of type "u"'],
    ['1.5', 'a value was expected'],
    ['08', 'no octal number'],
    ["'a", 'does not end'],
    [String.raw`'\x'`, 'escape'],
    ['[]', 'type of an empty array'],
    ["[1, 'a']", 'of type "i" was expected'],
    ['[1 2]', '"," was expected'],
    ['()', 'empty'],
    ['@(st) (1, 2)', 'of type "s" was expected'],
    ["@(s) ('a', 'b')", 'too long'],
    ["@(ss) ('a',)", 'too short'],
    ['@zz 1', 'is no type'],
    ['@() 1', 'is no type'],
    ['{1: 2}', 'a value was expected'],
    ["uint64 'a'", 'of type "t" was expected'],
    ['boolean 1', 'of type "b" was expected'],
    ['true1', 'a value was expected'],
    ['['.repeat(40), 'nested too deep'],
    [`@${'a'.repeat(40)}s []`, 'is no type'],
    ['constructor [1]', 'a value was expected'],
    [String.raw`'\ud800'`, 'escape'],
  ])('%s', (text, reason) => {
    const result = parseGVariant(text);
    expect('fault' in result && result.fault).toContain(reason);
  });
});
