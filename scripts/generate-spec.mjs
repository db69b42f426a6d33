/**
 * Makes spec/generated/ from spec/*.schema.json: TypeScript types, and
 * validators that need no ajv when they run.
 *
 *   config.d.ts           types (json-schema-to-typescript)
 *   validate-config.js    validators (ajv standalone, bundled by esbuild)
 *   validate-config.d.ts  their types
 *
 * The schemas are plain JSON Schema, so that editors and other validators can
 * use them. Three things become keywords of our own before they are compiled:
 *
 *   type integer with format int64 or uint64   -> int64 or uint64, which take bigints too
 *   pattern with patternErrorMessage           -> matches, which keeps the words for the error
 *   anyOf of nothing but `required`            -> requiresOneOf, which is one error and not three
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const specDir = join(dirname(here), '..', 'spec');
const outDir = join(specDir, 'generated');

/** Schema name, and what is validated besides the whole document. */
const schemas = [
  { name: 'config', parts: { validateProcess: 'Process', validateResources: 'LinuxResources' } },
  { name: 'features', parts: {} },
  { name: 'state', parts: {} },
];

const mtime = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const inputs = [here, ...schemas.map(({ name }) => join(specDir, `${name}.schema.json`))];
const outputs = schemas.flatMap(({ name }) =>
  [`${name}.d.ts`, `validate-${name}.js`, `validate-${name}.d.ts`].map((file) =>
    join(outDir, file),
  ),
);
if (Math.min(...outputs.map(mtime)) > Math.max(...inputs.map(mtime))) process.exit(0);

// Only now: loading these takes longer than the check above.
const [{ Ajv2020, _ }, standalone, { build }, { compile }] = await Promise.all([
  import('ajv/dist/2020.js').then((module) => module.default),
  import('ajv/dist/standalone/index.js').then((module) => module.default.default),
  import('esbuild'),
  import('json-schema-to-typescript'),
]);

/** Applies `change` to every object in a schema, innermost first. */
function transform(node, change) {
  if (Array.isArray(node)) return node.map((item) => transform(item, change));
  if (node === null || typeof node !== 'object') return node;
  const copy = {};
  for (const [key, value] of Object.entries(node)) copy[key] = transform(value, change);
  return change(copy);
}

const isInteger64 = (node) =>
  node.type === 'integer' && (node.format === 'int64' || node.format === 'uint64');

/** What ajv compiles. */
function forValidator(schema) {
  return transform(schema, (node) => {
    if (isInteger64(node)) {
      const { type: _type, format, minimum, ...rest } = node;
      return { ...rest, [format]: { ...(minimum === undefined ? {} : { minimum }) } };
    }
    if (typeof node.pattern === 'string') {
      const { pattern, patternErrorMessage, ...rest } = node;
      if (patternErrorMessage === undefined) throw new Error(`no patternErrorMessage: ${pattern}`);
      return { ...rest, matches: { pattern, words: patternErrorMessage } };
    }
    if (Array.isArray(node.anyOf)) {
      const { anyOf, description: _description, ...rest } = node;
      return { ...rest, requiresOneOf: anyOf.flatMap(({ required }) => required) };
    }
    return node;
  });
}

/** What json-schema-to-typescript reads: conditions add nothing to a type. */
function forTypes(schema) {
  return transform(schema, (node) => {
    const { if: _if, then: _then, anyOf: _anyOf, ...rest } = node;
    return isInteger64(rest) ? { ...rest, tsType: 'number | bigint' } : rest;
  });
}

function newAjv() {
  const ajv = new Ajv2020({
    allErrors: true,
    messages: false,
    inlineRefs: false,
    strict: true,
    strictRequired: false,
    addUsedSchema: false,
    code: { source: true, esm: true, lines: false, optimize: 2 },
  });
  ajv.addKeyword('tsType');
  // A number holds an integer exactly only up to 2^53: beyond that a bigint is asked for.
  const integer64 = (keyword, least, most) => ({
    keyword,
    schemaType: 'object',
    error: { message: '', params: ({ schema }) => _`{minimum: ${schema.minimum ?? null}}` },
    code(cxt) {
      const { data, schema } = cxt;
      const low = schema.minimum ?? Number.MIN_SAFE_INTEGER;
      const big =
        schema.minimum === undefined ? _`${data} >= ${least}` : _`${data} >= ${schema.minimum}`;
      cxt.pass(
        _`(typeof ${data} == "number" && Number.isSafeInteger(${data}) && ${data} >= ${low}) || (typeof ${data} == "bigint" && ${big} && ${data} <= ${most})`,
      );
    },
  });
  ajv.addKeyword(integer64('int64', _`-9223372036854775808n`, _`9223372036854775807n`));
  ajv.addKeyword(integer64('uint64', _`0n`, _`18446744073709551615n`));
  ajv.addKeyword({
    keyword: 'matches',
    type: 'string',
    schemaType: 'object',
    error: { message: '', params: ({ schema }) => _`{words: ${schema.words}}` },
    code(cxt) {
      const { gen, data, schema } = cxt;
      const regexp = gen.scopeValue('pattern', {
        key: schema.pattern,
        ref: new RegExp(schema.pattern, 'u'),
        code: _`new RegExp(${schema.pattern}, "u")`,
      });
      cxt.pass(_`${regexp}.test(${data})`);
    },
  });
  ajv.addKeyword({
    keyword: 'requiresOneOf',
    type: 'object',
    schemaType: 'array',
    error: { message: '', params: ({ schema }) => _`{names: ${schema.join(' or ')}}` },
    code(cxt) {
      const { data, schema } = cxt;
      cxt.pass(
        schema
          .map((name) => _`${data}[${name}] !== undefined`)
          .reduce((left, right) => _`${left} || ${right}`),
      );
    },
  });
  return ajv;
}

const validatorTypes = (names) => `/* Made by scripts/generate-spec.mjs. */

/** One error of ajv, without its message. */
export interface SchemaError {
  instancePath: string;
  schemaPath: string;
  keyword: string;
  params: Record<string, unknown>;
}

export interface Validator {
  (value: unknown): boolean;
  errors?: SchemaError[] | null;
}

${names.map((name) => `export const ${name}: Validator;\n`).join('')}`;

async function generate({ name, parts }) {
  const schema = JSON.parse(readFileSync(join(specDir, `${name}.schema.json`), 'utf8'));

  const types = await compile(forTypes(schema), schema.title, {
    additionalProperties: false,
    bannerComment: '/* Made by scripts/generate-spec.mjs from the JSON Schema: change that. */',
    unreachableDefinitions: false,
    style: { singleQuote: true, printWidth: 100 },
  });
  writeFileSync(join(outDir, `${name}.d.ts`), types);

  const ajv = newAjv();
  ajv.addSchema(forValidator(schema), name);
  const exports = { validate: name };
  for (const [exported, part] of Object.entries(parts)) exports[exported] = `${name}#/$defs/${part}`;
  const source = standalone(ajv, exports);
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: specDir, loader: 'js' },
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    minify: true,
    write: false,
    logLevel: 'error',
  });
  writeFileSync(
    join(outDir, `validate-${name}.js`),
    `/* Made by scripts/generate-spec.mjs. */\n${outputFiles[0].text}`,
  );
  writeFileSync(join(outDir, `validate-${name}.d.ts`), validatorTypes(Object.keys(exports)));
}

mkdirSync(outDir, { recursive: true });
await Promise.all(schemas.map(generate));
