/**
 * The hooks that run in the runtime's namespaces: prestart, createRuntime,
 * poststart, poststop (runtime-spec config.md, "POSIX-platform Hooks").
 * createContainer and startContainer hooks are steps of the plan.
 */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import type { Hook } from '../spec/types.js';
import { planHook } from '../plan/hooks.js';
import { runProgram } from './program.js';

export type RuntimeHook = 'prestart' | 'createRuntime' | 'poststart' | 'poststop';

export interface HookRun {
  kind: RuntimeHook;
  hooks: readonly Hook[];
  /** The container's state as JSON, for their standard input. */
  state: string;
  /** Working directory. */
  cwd: string;
  /** What hooks without an `env` inherit; nothing when absent. */
  environment?: (() => readonly string[]) | undefined;
}

/**
 * Runs them one after another; the first that fails ends it.
 *
 * @throws TsrunError ERR_HOOK
 */
export async function runHooks(native: Native, run: HookRun): Promise<void> {
  for (let index = 0; index < run.hooks.length; index++) {
    const hook = run.hooks[index];
    if (hook !== undefined) await runHook(native, run, hook, index);
  }
}

/** Runs all of them; what fails is only told (poststop). */
export async function runHooksAnyway(
  native: Native,
  run: HookRun,
  warn: (message: string) => void,
): Promise<void> {
  for (let index = 0; index < run.hooks.length; index++) {
    const hook = run.hooks[index];
    if (hook === undefined) continue;
    try {
      await runHook(native, run, hook, index);
    } catch (error) {
      if (!(error instanceof TsrunError)) throw error;
      warn(error.message);
    }
  }
}

async function runHook(native: Native, run: HookRun, hook: Hook, index: number): Promise<void> {
  const pointer = `/hooks/${run.kind}/${index}`;
  const result = await runProgram(native, {
    steps: planHook(hook, pointer, run.cwd, run.environment ?? (() => [])),
    input: run.state,
    timeoutMs: (hook.timeout ?? 0) * 1000,
  });
  let reason: string;
  if (result.kind === 'timeout') {
    reason = `did not end within its timeout of ${hook.timeout ?? 0} s`;
  } else if (result.kind === 'failed') {
    reason = `failed: ${result.error.message}`;
  } else {
    const { status, signal } = result.exit;
    if (status === 0 && signal === 0) return;
    reason = signal !== 0 ? `was killed by signal ${signal}` : `failed: exit status ${status}`;
  }
  const output = result.output === '' ? '' : `: ${result.output}`;
  throw new TsrunError('ERR_HOOK', `${pointer}: ${run.kind} hook ${hook.path} ${reason}${output}`, {
    pointer,
    ...(result.kind === 'failed' && result.error.errno !== undefined
      ? { errno: result.error.errno }
      : {}),
  });
}
