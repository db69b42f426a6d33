/** What `create` asks of a spec on top of being valid, and what it cannot do yet. */
import { resourceProblems } from '../cgroups/limits/demands.js';
import type { ErrorCode } from '../errors.js';
import { TsrunError } from '../errors.js';
import type { Problem } from './problem.js';
import { describeProblem } from './problem.js';
import { unsupported } from './unsupported.js';
import type { Linux, LinuxResources, Process, Root, Spec } from './types.js';

/** A spec that a container can be made of. */
export interface CreatableSpec extends Spec {
  process: Process & { args: string[] };
  root: Root;
  linux: Linux;
}

/** A problem, and the code of the error that it leads to. */
export interface CreateProblem extends Problem {
  readonly code: Extract<ErrorCode, 'ERR_CONFIG_INVALID' | 'ERR_UNSUPPORTED'>;
}

/** What keeps `create` from making a container of a valid spec, all of it. */
export function createProblems(spec: Spec): CreateProblem[] {
  return [...missing(spec), ...refused(spec)];
}

/**
 * Lets a spec through that a container can be made of.
 *
 * @throws TsrunError with ERR_CONFIG_INVALID when something is missing, else
 * with ERR_UNSUPPORTED when it asks for what tsrun cannot do
 */
export function requireCreatable(spec: Spec): CreatableSpec {
  throwFirst('cannot create the container', createProblems(spec));
  return spec as CreatableSpec;
}

function throwFirst(what: string, problems: CreateProblem[]): void {
  const first = problems[0];
  if (first === undefined) return;
  throw new TsrunError(first.code, `${what}: ${problems.map(describeProblem).join('; ')}`, {
    pointer: first.pointer,
    problems,
  });
}

function missing(spec: Spec): CreateProblem[] {
  const needs = (pointer: string, what: string): CreateProblem => ({
    pointer,
    message: `create needs ${what}`,
    code: 'ERR_CONFIG_INVALID',
  });
  const problems: CreateProblem[] = [];
  if (spec.process === undefined) problems.push(needs('/process', 'a process'));
  else if (!spec.process.args?.length) problems.push(needs('/process/args', 'a program'));
  if (spec.root === undefined) problems.push(needs('/root', 'a root file system'));
  if (spec.linux === undefined) problems.push(needs('/linux', 'a linux section'));
  return problems;
}

/**
 * Lets a resources object through that `update` can put into force.
 *
 * @throws TsrunError ERR_UNSUPPORTED, with pointers into the object
 */
export function requireUpdatable(resources: LinuxResources): void {
  throwFirst('cannot update the container', resourceProblems(resources, ''));
}

/** Fields that are refused by name, as long as nothing obeys them. */
function refused({ linux }: Spec): CreateProblem[] {
  return [
    ...resourceProblems(linux?.resources, '/linux/resources'),
    ...unsupported('/linux/netDevices', Object.keys(linux?.netDevices ?? {}).length > 0),
    ...unsupported('/linux/memoryPolicy', linux?.memoryPolicy !== undefined),
    ...unsupported('/linux/intelRdt', linux?.intelRdt !== undefined),
  ];
}
