/** hooks: programs of the configuration, and the state that they read. */

import { searchDirectories } from './environment.js';
import { clean } from './path.js';
import type { Hook, Spec } from '../spec/types.js';
import type { Slot, Step } from './steps.js';

/** The state's JSON (runtime.md, State), to be put together as before + pid + after. */
export interface StateParts {
  before: string;
  after: string;
}

export function hookStateParts(
  spec: { ociVersion: string; annotations?: Record<string, string> },
  container: { id: string; bundle: string },
  status: 'creating' | 'created' | 'running' | 'stopped',
): StateParts {
  const head = JSON.stringify({ ociVersion: spec.ociVersion, id: container.id, status });
  const tail = JSON.stringify({
    bundle: container.bundle,
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
  });
  return { before: `${head.slice(0, -1)},"pid":`, after: `,${tail.slice(1)}` };
}

/** Where the helper runs hooks, in the namespaces it is in by then. */
export interface HookPlace {
  /** Environment of a hook that has none of its own; an empty one is one. */
  env: readonly string[];
  /** The working directory is the root file system, which is not the root yet; else the helper's own. */
  inRoot: boolean;
  /** The root file system where it is not mounted; else -1. */
  slot: Slot;
}

export function planContainerHooks(
  hooks: readonly Hook[] | undefined,
  at: string,
  place: HookPlace,
  state: () => StateParts,
): Step[] {
  if (hooks === undefined || hooks.length === 0) return [];
  const parts = state();
  return hooks.map((hook, index) => ({
    op: 'hook',
    at: `${at}/${index}`,
    path: hook.path,
    args: hookArgs(hook),
    env: hook.env ?? [...place.env],
    inRoot: place.inRoot,
    slot: place.slot,
    timeout: hook.timeout ?? 0,
    ...parts,
  }));
}

/** As execv(3) takes them: without any, the program is told its path, as by every shell. */
function hookArgs(hook: Hook): string[] {
  return hook.args !== undefined && hook.args.length > 0 ? hook.args : [hook.path];
}

/** A program of the host, outside of any container. */
export interface HostProgram {
  /** With a slash a path, else a name that PATH of `env` is searched for. */
  path: string;
  /** argv, its first element included. */
  args: readonly string[];
  env: readonly string[];
  /** Absolute. */
  cwd?: string;
}

export function planProgram(program: HostProgram, at = ''): Step[] {
  return [
    ...(program.cwd === undefined
      ? []
      : [{ op: 'host-cwd', at, path: clean(program.cwd) } satisfies Step]),
    { op: 'find', at, file: program.path, directories: searchDirectories(program.env) },
    { op: 'exec', at, args: [...program.args], env: [...program.env] },
  ];
}

/**
 * A hook of the runtime namespace.
 *
 * @param inherited its environment where the configuration has none for it; an empty one is one
 */
export function planHook(
  hook: Hook,
  at: string,
  cwd: string,
  inherited: () => readonly string[],
): Step[] {
  return [
    // A process group of its own, which its timeout ends as a whole.
    { op: 'session', at },
    ...planProgram(
      { path: hook.path, args: hookArgs(hook), env: hook.env ?? inherited(), cwd },
      at,
    ),
  ];
}

/**
 * Whether the helper stops between the mounts and the change of root: for the
 * hooks of the runtime, or because from there on a failure, of a createContainer
 * hook, is to be followed by the poststop hooks.
 */
export function stopsForHooks(hooks: Spec['hooks']): boolean {
  const count = (list: readonly Hook[] | undefined): number => list?.length ?? 0;
  return (
    count(hooks?.prestart) + count(hooks?.createRuntime) > 0 ||
    (count(hooks?.createContainer) > 0 && count(hooks?.poststop) > 0)
  );
}
