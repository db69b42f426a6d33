/** Values of GVariant, from annotations: written in all ways, damaged, and of no form at all. */

import fc from 'fast-check';
import assert from 'node:assert/strict';

import type * as GVariant from '../../src/cgroups/systemd/gvariant.js';
import type { BusItem } from '../../src/native/types.js';
import { fuzz } from './support/property.js';
import { damaged, ofParts } from './support/texts.js';

interface Modules {
  gvariant: typeof GVariant;
}

/** Words of types, and how many bits an integer of it has; negative for one with a sign. */
const INTEGERS: Readonly<Record<string, readonly [string, number]>> = {
  y: ['byte', 8],
  n: ['int16', -16],
  q: ['uint16', 16],
  i: ['int32', -32],
  u: ['uint32', 32],
  x: ['int64', -64],
  t: ['uint64', 64],
};
const WORDS: Readonly<Record<string, string>> = {
  ...{ b: 'boolean', s: 'string', o: 'objectpath', g: 'signature' },
  ...Object.fromEntries(Object.entries(INTEGERS).map(([type, [word]]) => [type, word])),
};

function rangeOf(type: string): readonly [bigint, bigint] {
  const bits = BigInt(INTEGERS[type]?.[1] ?? 0);
  return bits < 0n ? [-(1n << (-bits - 1n)), (1n << (-bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

/** A value, its items on the bus, and how it is written where its type is known and where not. */
interface Made {
  type: string;
  items: BusItem[];
  known: string;
  alone: string;
}

const space = fc.constantFrom('', '', ' ', '\n\t', '\r ');

/** With the type before it, as a word or as a signature. */
const annotated = (type: string, known: string, asWord: boolean): string => {
  const word = WORDS[type];
  return asWord && word !== undefined ? `${word} ${known}` : `@${type} ${known}`;
};

const integer = fc
  .constantFrom(...Object.keys(INTEGERS))
  .chain((type) => {
    const [min, max] = rangeOf(type);
    return fc.record({
      type: fc.constant(type),
      value: fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max)),
      base: fc.constantFrom<readonly [string, number]>(['', 10], ['0x', 16], ['0', 8]),
      plus: fc.constantFrom('', '+'),
      asWord: fc.boolean(),
    });
  })
  .map(({ type, value, base: [prefix, base], plus, asWord }): Made => {
    const digits = (value < 0n ? -value : value).toString(base);
    const known = `${value < 0n ? '-' : plus}${prefix}${digits}`;
    const alone = type === 'i' ? known : annotated(type, known, asWord);
    return { type, items: [[type, value.toString()]], known, alone };
  });

const ESCAPES: Readonly<Record<string, string>> = { '\n': 'n', '\t': 't', '\x07': 'a', '\v': 'v' };
const letters = fc.array(
  fc.tuple(
    fc.oneof(
      fc.constantFrom('\n', '\t', '\x07', '\v', "'", '"', '\\', '[', ',', ')', 'é', '😀'),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
    ),
    fc.constantFrom('plain', 'u', 'U'),
  ),
  { maxLength: 5 },
);
const text = fc
  .record({ type: fc.constantFrom('s', 'o', 'g'), letters, quote: fc.constantFrom("'", '"') })
  .map(({ type, letters: all, quote }): Made => {
    const points = all.flatMap(([letter, how]) =>
      Array.from(letter).map((one) => [one, how] as const),
    );
    const written = points.map(([letter, how]) => {
      const code = letter.codePointAt(0) ?? 0;
      const short = ESCAPES[letter] ?? (letter === quote || letter === '\\' ? letter : undefined);
      if (how === 'u' && code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
      if (how !== 'plain') return `\\U${code.toString(16).padStart(8, '0')}`;
      return short === undefined ? letter : `\\${short}`;
    });
    const known = `${quote}${written.join('')}${quote}`;
    const alone = type === 's' ? known : annotated(type, known, true);
    return { type, items: [[type, points.map(([letter]) => letter).join('')]], known, alone };
  });

const boolean = fc.boolean().map((value): Made => ({
  ...{ type: 'b', items: [['b', value ? '1' : '0']] },
  ...{ known: String(value), alone: String(value) },
}));

const enclosed = (opening: BusItem, parts: readonly Made[]): BusItem[] => [
  opening,
  ...parts.flatMap(({ items }) => items),
  [')', ''],
];

/** Elements of one type: the same one several times, which is as good. */
const array = (element: fc.Arbitrary<Made>): fc.Arbitrary<Made> =>
  fc.tuple(element, fc.nat(3), fc.boolean(), space).map(([one, count, first, gap]): Made => {
    const type = `a${one.type}`;
    const parts = Array.from({ length: count }, () => one);
    const list = (texts: readonly string[]): string =>
      `[${gap}${texts.join(`${gap},${gap}`)}${gap}]`;
    const known = list(parts.map((part) => part.known));
    const byFirst = list(parts.map((part, index) => (index === 0 ? part.alone : part.known)));
    const alone = count > 0 && first ? byFirst : annotated(type, known, false);
    return { type, items: enclosed(['a', one.type], parts), known, alone };
  });

const tuple = (member: fc.Arbitrary<Made>): fc.Arbitrary<Made> =>
  fc.tuple(fc.array(member, { minLength: 1, maxLength: 3 }), space).map(([parts, gap]): Made => {
    const contents = parts.map(({ type }) => type).join('');
    const list = (texts: readonly string[]): string =>
      `(${texts.join(`${gap},`)}${texts.length === 1 ? `,${gap}` : ''})`;
    return {
      type: `(${contents})`,
      items: enclosed(['r', contents], parts),
      known: list(parts.map(({ known }) => known)),
      alone: list(parts.map(({ alone }) => alone)),
    };
  });

const variant = (content: fc.Arbitrary<Made>): fc.Arbitrary<Made> =>
  fc.tuple(content, space).map(([one, gap]): Made => {
    const written = `<${gap}${one.alone}${gap}>`;
    const items = enclosed(['v', one.type], [one]);
    return { type: 'v', items, known: written, alone: written };
  });

const { value } = fc.letrec<{ value: Made }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    ...[integer, text, boolean],
    ...[array(tie('value')), tuple(tie('value')), variant(tie('value'))],
  ),
}));

const PIECES = [
  ...['[', ']', '(', ')', '<', '>', ',', '@', "'", '"', '\\', ' ', '-', '+', '0x', '08', '1.5'],
  ...[
    '@as',
    '@a(sv)',
    '@a',
    '@()',
    '@v',
    'byte',
    'uint64',
    'true',
    'false',
    'constructor',
    'nothing',
  ],
  ...['\\u', '\\ud800', '\\u0000', '\\U00110000', '{', '1', '256', '-1', '-129', '65536'],
  ...Object.keys(INTEGERS).flatMap((type) => {
    const [min, max] = rangeOf(type);
    return [`@${type} ${min - 1n}`, `@${type} ${max + 1n}`];
  }),
];

/** Nested and long beyond what a stack, or a call's arguments, have room for; and just not too deep. */
const repeated = fc.tuple(fc.constantFrom(15, 17, 130_000), fc.nat(7)).map(([count, form]) => {
  const many = (piece: string): string => piece.repeat(count);
  return [
    ...[`@${many('a')}s []`, `@${many('(')}`, many('['), many('('), many('<'), `${many('byte ')}1`],
    ...[`[[${many('1,')}1]]`, `([${many('1,')}1],)`],
  ][form] as string;
});

const HALF = /\p{Surrogate}/u;

/** One complete type of D-Bus at a place of a signature: where it ends. */
function typeEnd(signature: string, at: number): number {
  const letter = signature[at] ?? '';
  if (letter === 'a') return typeEnd(signature, at + 1);
  if (letter !== '(') {
    assert(letter !== '' && 'bynqiuxtsogv'.includes(letter), `no type: ${signature.slice(0, 99)}`);
    return at + 1;
  }
  let next = typeEnd(signature, at + 1);
  while (signature[next] !== ')') next = typeEnd(signature, next);
  return next + 1;
}

/** Reads items as the bus will, and writes them as a text. */
function written(items: readonly BusItem[], type: string, from: number): [string, number] {
  const [kind, content] = items[from] ?? ['', ''];
  if (kind === type) {
    if (type === 'b') {
      assert.match(content, /^[01]$/);
      return [content === '1' ? 'true' : 'false', from + 1];
    }
    if (type in INTEGERS) {
      const [min, max] = rangeOf(type);
      assert(BigInt(content) >= min && BigInt(content) <= max, `${type}: ${content}`);
      return [content, from + 1];
    }
    if (type !== 'v') {
      return [`'${content.replace(/['\\]/g, '\\$&')}'`, from + 1];
    }
  }
  const inner: string[] = [];
  let at = from + 1;
  let place = 0;
  while (items[at]?.[0] !== ')') {
    if (kind === 'r') assert(place < content.length);
    const end = typeEnd(content, place);
    const [part, next] = written(items, content.slice(place, end), at);
    inner.push(part);
    at = next;
    if (kind === 'r') place = end;
    else if (kind === 'v') assert(end === content.length && inner.length === 1);
    else assert(kind === 'a' && end === content.length);
  }
  if (kind === 'a') {
    assert.equal(type, `a${content}`);
    return [`[${inner.join()}]`, at + 1];
  }
  if (kind === 'v') {
    assert.deepEqual([type, inner.length], ['v', 1]);
    return [`<@${content} ${inner.join()}>`, at + 1];
  }
  assert.equal(type, `(${content})`);
  assert.equal(place, content.length);
  return [`(${inner.join()}${inner.length === 1 ? ',' : ''})`, at + 1];
}

fuzz({
  name: 'gvariant',
  modules: { gvariant: 'src/cgroups/systemd/gvariant.ts' },
  covers: ['src/cgroups/systemd/gvariant.ts'],
  plant: {
    file: 'src/cgroups/systemd/gvariant.ts',
    from: 'if (number < range[0] || number > range[1]) {',
    to: 'if (number < range[0] - 1n || number > range[1]) {',
  },
  runs: 1500,
  property: ({ gvariant: { parseGVariant } }: Modules) => {
    const checkAny = (of: string): void => {
      const result = parseGVariant(of);
      if ('fault' in result) {
        const at = Number(/, at character (\d+)$/.exec(result.fault)?.[1]);
        assert(at >= 1 && at <= of.length + 2, result.fault.slice(0, 200));
        return;
      }
      assert.equal(typeEnd(result.signature, 0), result.signature.length);
      const [again, end] = written(result.items, result.signature, 0);
      assert.equal(end, result.items.length);
      const type = result.signature;
      assert.equal(JSON.stringify(parseGVariant(`@${type} ${again}`)), JSON.stringify(result));
      // The bus takes no halves of surrogate pairs that the text did not have.
      assert(!HALF.test(again) || HALF.test(of));
    };

    return fc.property(
      value,
      damaged(
        value.map(({ alone }) => alone),
        PIECES,
      ),
      ofParts(PIECES, 8),
      fc.oneof({ arbitrary: fc.constant(''), weight: 40 }, { arbitrary: repeated, weight: 1 }),
      (made, broken, parts, many) => {
        const { type, items, known, alone } = made;
        assert.deepEqual(parseGVariant(alone), { signature: type, items });
        assert.deepEqual(parseGVariant(` @${type} ${known}\n`), { signature: type, items });
        checkAny(broken);
        checkAny(parts);
        checkAny(many);
      },
    );
  },
});
