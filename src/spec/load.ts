/** Reading config.json: from its text to a spec that is valid in itself. */
import { acceptProcess, acceptSpec } from '../../spec/generated/accept-config.js';
import { TsrunError } from '../errors.js';
import { withoutNulls } from './absent.js';
import { checkMalformedSpec, checkProcess, checkResources, checkSpec } from './checks.js';
import { JsonError, mayExceed, parseJson } from './json.js';
import type { Problem } from './problem.js';
import { describeProblem, shortened } from './problem.js';
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
  const accepted = acceptable(text, acceptSpec);
  if (accepted === undefined) return requireSpec(parse(text, 'config.json'));
  refuse(checkSpec(accepted as Spec), 'config.json');
  return accepted as Spec;
}

/** Lets a value through that is a valid config.json; throws as parseSpec does. */
export function requireSpec(value: unknown): Spec {
  const spec = withoutNulls(value);
  refuse(problemsIn(spec), 'config.json');
  return spec as Spec;
}

/** Everything that is wrong with a config.json, by the schema and between fields. */
export function specProblems(value: unknown): Problem[] {
  return problemsIn(withoutNulls(value));
}

function problemsIn(value: unknown): Problem[] {
  if (acceptSpec(value)) return checkSpec(value as Spec);
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
  const process = withoutNulls(value);
  if (!acceptProcess(process)) refuse(validateProcess(process), name);
  refuse(checkProcess(process as Process), name);
  return process as Process;
}

/** Reads linux.resources alone, as `update --resources` takes it; throws as parseSpec does. */
export function parseResources(text: string, name = 'resources'): LinuxResources {
  return requireResources(parse(text, name), name);
}

/** Lets a value through that is a valid linux.resources; throws as parseSpec does. */
export function requireResources(value: unknown, name = 'resources'): LinuxResources {
  const resources = withoutNulls(value);
  refuse(validateResources(resources), name);
  refuse(checkResources(resources as LinuxResources), name);
  return resources as LinuxResources;
}

/** More than this and it may be nested too deep for parseJson(). */
const MAX_BRACKETS = 1000;

/**
 * What JSON.parse makes of a text, if that is good as it is: no number in it
 * can have been rounded. A known field is not nested deep, but what is not
 * known may be.
 */
function acceptable(text: string, accept: (value: unknown) => boolean): unknown {
  let brackets = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++brackets === MAX_BRACKETS) return undefined;
    }
  }
  if (mayExceed(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return accept(value) ? value : undefined;
  } catch {
    return undefined;
  }
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
  const told = problems.slice(0, maxTold).map((problem) => shortened(describeProblem(problem)));
  if (problems.length > maxTold) told.push(`and ${String(problems.length - maxTold)} more`);
  throw new TsrunError('ERR_CONFIG_INVALID', `${name} is not valid: ${told.join('; ')}`, {
    pointer: first.pointer,
    problems,
  });
}
