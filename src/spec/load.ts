/** Reading config.json: from its text to a spec that is valid in itself. */
import { TsrunError } from '../errors.js';
import { checkMalformedSpec, checkProcess, checkSpec } from './checks.js';
import { JsonError, parseJson } from './json.js';
import type { Problem } from './problem.js';
import { describeProblem } from './problem.js';
import type { LinuxResources, Process, Spec } from './types.js';
import { validateProcess, validateResources, validateSpec } from './validate.js';

/** So many problems are told in a message; `problems` of the error has all. */
const maxTold = 100;

/**
 * Reads the text of a config.json.
 *
 * @throws TsrunError with ERR_CONFIG_INVALID: the text is not JSON, or its
 * message tells all problems, each with its JSON pointer, on one line
 */
export function parseSpec(text: string): Spec {
  return requireSpec(parse(text, 'config.json'));
}

/** Lets a value through that is a valid config.json; throws as parseSpec does. */
export function requireSpec(value: unknown): Spec {
  refuse(specProblems(value), 'config.json');
  return value as Spec;
}

/** Everything that is wrong with a config.json, by the schema and between fields. */
export function specProblems(value: unknown): Problem[] {
  const malformed = validateSpec(value);
  if (malformed.length === 0) return checkSpec(value as Spec);
  return [...malformed, ...checkMalformedSpec(value, malformed)];
}

/** Reads a process alone, as `exec --process` takes it; throws as parseSpec does. */
export function parseProcess(text: string, name = 'process.json'): Process {
  return requireProcess(parse(text, name), name);
}

/** Lets a value through that is a valid process; throws as parseSpec does. */
export function requireProcess(value: unknown, name = 'process.json'): Process {
  refuse(validateProcess(value), name);
  refuse(checkProcess(value as Process), name);
  return value as Process;
}

/** Reads linux.resources alone, as `update --resources` takes it; throws as parseSpec does. */
export function parseResources(text: string, name = 'resources'): LinuxResources {
  const value = parse(text, name);
  refuse(validateResources(value), name);
  return value as LinuxResources;
}

function parse(text: string, name: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new TsrunError('ERR_CONFIG_INVALID', `${name} is not valid JSON: ${error.message}`);
  }
}

function refuse(problems: readonly Problem[], name: string): void {
  const first = problems[0];
  if (first === undefined) return;
  const told = problems.slice(0, maxTold).map(describeProblem);
  if (problems.length > maxTold) told.push(`and ${String(problems.length - maxTold)} more`);
  throw new TsrunError('ERR_CONFIG_INVALID', `${name} is not valid: ${told.join('; ')}`, {
    pointer: first.pointer,
    problems,
  });
}
