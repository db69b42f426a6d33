/**
 * Holds documents against the schemas in spec/: types, ranges and shapes, each
 * field by itself. What fields have to do with each other is in checks.ts.
 */
import type { SchemaError, Validator } from '../../spec/generated/validate-config.js';
import {
  validate as configValidator,
  validateProcess as processValidator,
  validateResources as resourcesValidator,
} from '../../spec/generated/validate-config.js';
import type { Problem } from './problem.js';
import { pointerToken, shortened } from './problem.js';
import { stringifyJson } from './json.js';

/** What is wrong with a config.json, all of it; empty when it is a `Spec`. */
export function validateSpec(value: unknown): Problem[] {
  return problemsOf(configValidator, value);
}

/** The same for a process alone, as `exec --process` reads it. */
export function validateProcess(value: unknown): Problem[] {
  return problemsOf(processValidator, value);
}

/** The same for linux.resources alone, as `update --resources` reads it. */
export function validateResources(value: unknown): Problem[] {
  return problemsOf(resourcesValidator, value);
}

/** Runs a generated validator and puts its errors into our words. */
export function problemsOf(validator: Validator, value: unknown): Problem[] {
  if (validator(value)) return [];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const error of validator.errors ?? []) {
    const problem = toProblem(error, value);
    if (problem === undefined) continue;
    const key = `${problem.pointer}\n${problem.message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    problems.push(problem);
  }
  return problems;
}

function toProblem(error: SchemaError, document: unknown): Problem | undefined {
  const { instancePath: pointer, keyword, params } = error;
  switch (keyword) {
    case 'required':
      return {
        pointer: `${pointer}/${pointerToken(String(params['missingProperty']))}`,
        message: 'is required',
      };
    case 'additionalProperties':
      return {
        pointer: `${pointer}/${pointerToken(String(params['additionalProperty']))}`,
        message: 'is not known here',
      };
    case 'type':
      return wrong(pointer, `must be ${withArticle(String(params['type']))}`, document);
    case 'enum': {
      // A value of the wrong type has that error already.
      if (typeof valueAt(document, pointer) !== 'string') return undefined;
      const values = params['allowedValues'] as string[];
      return wrong(pointer, `must be ${anyOf(values.filter((value) => value !== ''))}`, document);
    }
    case 'integer':
    case 'int64':
    case 'uint64':
      return wrong(pointer, integerMessage(keyword, params), document);
    case 'matches':
      return wrong(pointer, String(params['words']), document);
    case 'minItems':
      return { pointer, message: 'must not be empty' };
    case 'requiresOneOf':
      return { pointer, message: `needs ${String(params['names'])}` };
    case 'if':
      // What its `then` or `else` found is in errors of their own.
      return undefined;
    default:
      return { pointer, message: 'is not valid' };
  }
}

/** As much as a message shows of a value. */
const MAX_VALUE = 100;

/** A problem of the value at a pointer, which its message shows. */
function wrong(pointer: string, rule: string, document: unknown): Problem {
  const value = valueAt(document, pointer);
  // What is in the environment may be secret.
  if (pointer === '' || /(^|\/)env\/\d+$/.test(pointer)) return { pointer, message: rule };
  return { pointer, message: `is ${given(value)}, ${rule}` };
}

function given(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return shortened(stringifyJson(value), MAX_VALUE);
}

function withArticle(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function anyOf(values: readonly string[]): string {
  if (values.length === 1) return String(values[0]);
  return `${values.slice(0, -1).join(', ')} or ${String(values[values.length - 1])}`;
}

const ranges = {
  integer: ['', ''],
  int64: ['-9223372036854775808', '9223372036854775807'],
  uint64: ['0', '18446744073709551615'],
} as const;

function integerMessage(type: keyof typeof ranges, params: SchemaError['params']): string {
  const { minimum, maximum } = params as { minimum: number | null; maximum: number | null };
  const [least, most] = ranges[type];
  return `must be an integer from ${String(minimum ?? least)} to ${String(maximum ?? most)}`;
}

/** What a JSON pointer leads to. */
function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[token.replace(/~1/g, '/').replace(/~0/g, '~')];
  }
  return value;
}
