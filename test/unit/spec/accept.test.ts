/** The quick acceptance says yes exactly where the validators find nothing, and numbers are exact. */

import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { acceptProcess, acceptSpec } from '../../../spec/generated/accept-config.js';
import { parseSpec } from '../../../src/spec/load.js';
import { validateProcess, validateSpec } from '../../../src/spec/validate.js';
import { changedSpec, validSpec } from './specs.js';

const schema = JSON.parse(
  readFileSync(new URL('../../../spec/config.schema.json', import.meta.url), 'utf8'),
) as Node & { $defs: Record<string, Node> };

interface Node {
  $ref?: string;
  type?: string;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  additionalProperties?: Node | false;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  format?: string;
  pattern?: string;
}

const WRONG = [
  null,
  true,
  0,
  -1,
  -2,
  -1001,
  512,
  1.5,
  2 ** 31,
  2 ** 53,
  2 ** 64,
  '',
  'x',
  'a\0b',
  '/a',
  [],
  {},
];
const TEXTS = [
  '',
  'x',
  '/x',
  'a\0b',
  '/a\0',
  '1.3.0',
  '2.0',
  'rwm',
  'rx',
  '0-3',
  '2MB',
  'MB:0=1',
  'RLIMIT_CORE',
];

/** Values that are mostly what the schema asks for. */
function valueOf(node: Node, depth: number): fc.Arbitrary<unknown> {
  const wrong = { arbitrary: fc.constantFrom<unknown>(...WRONG, ...TEXTS), weight: 1 };
  const right = (arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ arbitrary, weight: 300 }, wrong);
  if (node.$ref !== undefined) {
    return valueOf(schema.$defs[node.$ref.slice('#/$defs/'.length)] ?? {}, depth);
  }
  switch (node.type) {
    case 'boolean':
      return right(fc.boolean());
    case 'integer': {
      const { minimum = 0, maximum = 2 ** 53 - 1 } = node;
      return right(fc.constantFrom(minimum, maximum, Math.max(minimum, 0)));
    }
    case 'string':
      return right(fc.constantFrom(...(node.enum ?? textsFor(node.pattern))));
    case 'array':
      return right(fc.array(valueOf(node.items ?? {}, depth + 1), { maxLength: 2 }));
    case 'object':
      return right(objectOf(node, depth));
    default:
      return fc.constantFrom<unknown>(...WRONG);
  }
}

function textsFor(pattern = ''): string[] {
  return TEXTS.filter((text) => new RegExp(pattern, 'u').test(text));
}

function objectOf(node: Node, depth: number): fc.Arbitrary<unknown> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const value = valueOf(child, depth + 1);
    const required = node.required?.includes(name) === true;
    const absent = { arbitrary: fc.constant(undefined), weight: required ? 1 : 20 };
    members[name] = fc.oneof({ arbitrary: value, weight: required ? 200 : 10 }, absent);
  }
  const known = fc
    .record(members)
    .map((made) => Object.fromEntries(Object.entries(made).filter(([, v]) => v !== undefined)));
  if (node.additionalProperties === undefined) return known;
  const more = node.additionalProperties === false ? {} : node.additionalProperties;
  return fc
    .tuple(known, fc.dictionary(fc.constantFrom('more', 'a b'), valueOf(more, depth + 1)))
    .map(([made, others]) => ({ ...others, ...made }));
}

const exact = (value: unknown): boolean =>
  typeof value === 'number'
    ? !Number.isInteger(value) || Number.isSafeInteger(value)
    : typeof value !== 'object' || value === null || Object.values(value).every(exact);

it('accepts what is valid and nothing else', () => {
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(valueOf(schema, 0), (value) => {
      fc.pre(exact(value));
      const valid = validateSpec(value).length === 0;
      if (valid) accepted++;
      else refused++;
      expect(acceptSpec(value)).toBe(valid);
    }),
    { numRuns: 1500 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(50);
});

it('accepts a process that is valid and nothing else', () => {
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(valueOf({ $ref: '#/$defs/Process' }, 0), (value) => {
      fc.pre(exact(value));
      const valid = validateProcess(value).length === 0;
      if (valid) accepted++;
      else refused++;
      expect(acceptProcess(value)).toBe(valid);
    }),
    { numRuns: 1000 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(50);
});

it('judges the documents of the specification as the validator does', () => {
  const root = fileURLToPath(new URL('../../fixtures/runtime-spec/config', import.meta.url));
  for (const file of ['good', 'bad'].flatMap((kind) =>
    readdirSync(`${root}/${kind}`).map((name) => `${root}/${kind}/${name}`),
  )) {
    let value: unknown;
    try {
      value = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      continue;
    }
    if (exact(value)) expect(acceptSpec(value), file).toBe(validateSpec(value).length === 0);
  }
});

it('leaves integers that a number cannot hold to the exact reader', () => {
  const text = JSON.stringify(validSpec()).replace('"hard":1024', '"hard":18446744073709551615');
  expect(acceptSpec(JSON.parse(text))).toBe(false);
  expect(parseSpec(text).process?.rlimits?.[0]?.hard).toBe(18446744073709551615n);
});

it('takes nothing that is nested too deep, where no field is known either', () => {
  const deep = `${'['.repeat(1001)}${']'.repeat(1001)}`;
  const text = JSON.stringify(changedSpec(['/unknown', 'deep'])).replace('"deep"', deep);
  expect(() => parseSpec(text)).toThrow('config.json is not valid JSON');
});
