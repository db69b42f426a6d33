/**
 * Makes spec/generated/ from spec/*.schema.json: TypeScript types, and
 * validators that need no ajv when they run.
 *
 *   config.d.ts           types (json-schema-to-typescript)
 *   validate-config.js    validators (ajv standalone, bundled by esbuild)
 *   validate-config.d.ts  their types
 *   accept-config.js      functions that only accept (generate-accept.mjs)
 *
 * The schemas are plain JSON Schema, so that editors and other validators can
 * use them. Some things become keywords of our own before they are compiled:
 *
 *   type integer with its bounds               -> integer, which is one error and not three
 *   the same with format int64 or uint64       -> int64 or uint64, which take bigints too
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
  {
    name: 'config',
    parts: { validateProcess: 'Process', validateResources: 'LinuxResources' },
    accept: { acceptSpec: '', acceptProcess: 'Process' },
  },
  { name: 'features', parts: {} },
  { name: 'state', parts: {} },
];

const mtime = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const acceptHere = join(dirname(here), 'generate-accept.mjs');
const inputs = [
  here,
  acceptHere,
  ...schemas.map(({ name }) => join(specDir, `${name}.schema.json`)),
];
const outputs = schemas.flatMap(({ name, accept }) =>
  [
    `${name}.d.ts`,
    ...['js', 'd.ts'].map((kind) => `validate-${name}.${kind}`),
    ...(accept === undefined ? [] : ['js', 'd.ts'].map((kind) => `accept-${name}.${kind}`)),
  ].map((file) => join(outDir, file)),
);
if (Math.min(...outputs.map(mtime)) > Math.max(...inputs.map(mtime))) process.exit(0);

// Only now: loading these takes longer than the check above.
const [{ Ajv, _, _Code }, standalone, { build, transform: minify }, { compile }, { acceptModule }] =
  await Promise.all([
    Promise.all([import('ajv'), import('ajv/dist/compile/codegen/code.js')]).then(
      ([{ default: ajv }, { default: code }]) => ({ ...ajv, ...code }),
    ),
    import('ajv/dist/standalone/index.js').then((module) => module.default.default),
    import('esbuild'),
    import('json-schema-to-typescript'),
    import('./generate-accept.mjs'),
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

/** Keywords that say nothing to a validator and would only be carried along. */
const annotations = ['$schema', '$comment', 'description', 'title', 'tsType'];

/** What ajv compiles. */
function forValidator(schema) {
  return transform(schema, (annotated) => {
    // A property that has such a name is a schema, not a string.
    const node = Object.fromEntries(
      Object.entries(annotated).filter(
        ([key, value]) => !(annotations.includes(key) && typeof value === 'string'),
      ),
    );
    if (node.type === 'integer') {
      const { type, format, minimum, maximum, ...rest } = node;
      return { ...rest, [isInteger64(node) ? format : type]: { minimum, maximum } };
    }
    if (typeof node.pattern === 'string') {
      const { pattern, patternErrorMessage, ...rest } = node;
      if (patternErrorMessage === undefined) throw new Error(`no patternErrorMessage: ${pattern}`);
      return { ...rest, matches: { pattern, words: patternErrorMessage } };
    }
    if (Array.isArray(node.anyOf)) {
      const { anyOf, ...rest } = node;
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
  const ajv = new Ajv({
    allErrors: true,
    messages: false,
    inlineRefs: false,
    strict: true,
    strictRequired: false,
    addUsedSchema: false,
    code: { source: true, esm: true, lines: false, optimize: 2 },
  });
  const integer = (keyword, check) => ({
    keyword,
    schemaType: 'object',
    error: {
      message: '',
      params: ({ schema: { minimum = null, maximum = null } }) =>
        _`{minimum: ${minimum}, maximum: ${maximum}}`,
    },
    code: (cxt) => cxt.pass(check(cxt.data, cxt.schema)),
  });
  ajv.addKeyword(
    integer(
      'integer',
      (data, { minimum, maximum }) =>
        _`Number.isInteger(${data}) && ${data} >= ${minimum} && ${data} <= ${maximum}`,
    ),
  );
  // A number holds an integer exactly only up to 2^53: beyond that a bigint is asked for.
  // It may be a bigint below that too.
  const integer64 = (least, most) => (data, schema) => {
    const { minimum = least, maximum = most } = schema;
    return _`(Number.isSafeInteger(${data}) || typeof ${data} == "bigint") && ${data} >= ${minimum} && ${data} <= ${maximum}`;
  };
  ajv.addKeyword(integer('int64', integer64(_`-9223372036854775808n`, _`9223372036854775807n`)));
  ajv.addKeyword(integer('uint64', integer64(_`0n`, _`18446744073709551615n`)));
  ajv.addKeyword({
    keyword: 'matches',
    type: 'string',
    schemaType: 'object',
    error: { message: '', params: ({ schema }) => _`{words: ${schema.words}}` },
    code(cxt) {
      const { data, schema } = cxt;
      // A literal: an engine compiles it ahead, and loading the module makes no object.
      const literal = new _Code(String(new RegExp(schema.pattern, 'u')));
      cxt.pass(_`${literal}.test(${data})`);
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

/**
 * ajv writes out at each error how the list of errors is begun or added to, and
 * where in the schema the error is, which nobody reads: a third of the code.
 */
function shortenErrors(source) {
  const error =
    /const (err\d+) = \{(instancePath(?::.*?)?),schemaPath:".*?",keyword:("\w+"),params:(.*?)\};\s*if\(vErrors === null\)\{\s*vErrors = \[\1\];\s*\}\s*else \{\s*vErrors\.push\(\1\);\s*\}/g;
  const short = source.replace(error, '(vErrors ??= []).push({$2,keyword:$3,params:$4});');
  if (short.includes('schemaPath')) throw new Error('ajv writes its errors in a new way');
  return joinErrors(short);
}

/**
 * ajv copies the whole list at each element of an array that has errors: a time by the
 * square of them.
 */
function joinErrors(source) {
  const copied = /vErrors = vErrors === null \? (\w+)\.errors : vErrors\.concat\(\1\.errors\)/g;
  const joined = source.replace(copied, 'vErrors = join(vErrors, $1.errors)');
  if (joined.includes('.concat(')) throw new Error('ajv joins its errors in a new way');
  return `${joined}
function join(list, more) {
  if (list === null) return more;
  for (const error of more) list.push(error);
  return list;
}`;
}

const validatorTypes = (names) => `/* Made by scripts/generate-spec.mjs. */

/** One error of ajv, without its message. */
export interface SchemaError {
  instancePath: string;
  keyword: string;
  params: Record<string, unknown>;
}

export interface Validator {
  (value: unknown): boolean;
  errors?: SchemaError[] | null;
}

${names.map((name) => `export const ${name}: Validator;\n`).join('')}`;

async function generate({ name, parts, accept }) {
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
  for (const [exported, part] of Object.entries(parts))
    exports[exported] = `${name}#/$defs/${part}`;
  const source = shortenErrors(standalone(ajv, exports));
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
  if (accept !== undefined) await generateAccept(name, schema, accept);
}

async function generateAccept(name, schema, accept) {
  const { code } = await minify(acceptModule(schema, accept), { minify: true, target: 'es2022' });
  const banner = '/* Made by scripts/generate-spec.mjs. */\n';
  const types = Object.keys(accept).map(
    (exported) => `export function ${exported}(value: unknown): boolean;\n`,
  );
  writeFileSync(join(outDir, `accept-${name}.js`), banner + code);
  writeFileSync(join(outDir, `accept-${name}.d.ts`), banner + types.join(''));
}

mkdirSync(outDir, { recursive: true });
await Promise.all(schemas.map(generate));
