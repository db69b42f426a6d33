/** From linux.seccomp to the program that the kernel loads. */

import { TsrunError } from '../errors.js';
import type { Native, SeccompCompiled } from '../native/types.js';
import type { Step } from '../plan/steps.js';
import { stringifyJson } from '../spec/json.js';
import type { LinuxSeccomp } from '../spec/types.js';
import { EEXIST } from '../native/constants.js';
import { describeAction, lets, survives } from './actions.js';
import { answerOf, INSTRUCTION_SIZE } from './bpf.js';
import { findProgram, keepProgram, MAX_INSTRUCTIONS, writeEntry } from './cache.js';
import { answersEnosys, enosysPrologue } from './enosys.js';
import { lateCalls } from './late-calls.js';
import type { LateCall } from './late-calls.js';
import { hiddenRules, resolveProfile } from './profile.js';

export interface Filter {
  program: Uint8Array;
  /** Its file in the cache, whose descriptor is the caller's. */
  entry?: { cache: number; name: string };
}

/** To be raised when the same profile comes to another program. */
const COMPILER = 3;

/**
 * The program of a profile, from the cache where it has it.
 *
 * @param steps of the plan, whose later ones the profile must not deny
 * @param cache descriptor of the directory of compiled programs (openCache)
 * @param debug is told of names that are skipped, when the profile is compiled
 * @throws TsrunError ERR_SECCOMP
 */
export function makeFilter(
  native: Native,
  seccomp: LinuxSeccomp,
  steps: readonly Step[],
  cache: number | undefined,
  debug: (message: string) => void = () => undefined,
): Filter {
  const calls = lateCalls(steps);
  if (cache === undefined) {
    return { program: checked(native, compileFilter(native, seccomp, debug), calls) };
  }
  // What is in the cache has passed the check, so the calls are part of its name.
  const name = native.digest(
    `${COMPILER} ${native.seccompSystem()}\n${JSON.stringify(calls)}\n${rulesText(seccomp)}`,
  );
  const entry = { cache, name };
  const found = findProgram(native, cache, name);
  if (found !== undefined) return { program: found, entry };
  const program = checked(native, compileFilter(native, seccomp, debug), calls);
  return keepProgram(native, cache, name, program) ? { program, entry } : { program };
}

/**
 * Puts the program into a file of the container's own, which exec reads: where
 * it is in the cache another name of that file, since a new file costs more.
 *
 * @param directory descriptor of the container's
 * @returns 0 or a negated errno
 */
export function keepFilter(
  native: Native,
  { program, entry }: Filter,
  directory: number,
  name: string,
): number {
  const linked = entry === undefined ? -1 : native.linkAt(entry.cache, entry.name, directory, name);
  return linked < 0 ? writeEntry(native, directory, name, program) : linked;
}

function rulesText({
  defaultAction,
  defaultErrnoRet,
  architectures,
  syscalls,
}: LinuxSeccomp): string {
  return stringifyJson({ defaultAction, defaultErrnoRet, architectures, syscalls });
}

/** @throws TsrunError ERR_SECCOMP with the pointer of the architecture or rule */
export function compileFilter(
  native: Native,
  seccomp: LinuxSeccomp,
  debug: (message: string) => void = () => undefined,
): Uint8Array {
  const { profile, origin } = resolveProfile(seccomp);
  const compiled = native.compileSeccomp(profile);
  const { error, architecture, rule, name, unknown } = compiled;
  if (unknown.length > 0) {
    debug(`/linux/seccomp: skipped, since libseccomp does not know them: ${unknown.join(', ')}`);
  }
  if (error < 0) {
    const at =
      architecture >= 0
        ? `/linux/seccomp/architectures/${architecture}`
        : rule >= 0
          ? `/linux/seccomp/syscalls/${origin[rule] ?? 0}`
          : '/linux/seccomp';
    const what =
      architecture >= 0
        ? `cannot filter the calls of ${seccomp.architectures?.[architecture] ?? 'it'} on this machine`
        : `cannot compile the filter${name === '' ? '' : ` of ${name}`}`;
    const why = error === -EEXIST && rule >= 0 ? contradiction(name) : native.strerror(-error);
    throw new TsrunError('ERR_SECCOMP', `${at}: ${what}: ${why}`, { errno: -error, pointer: at });
  }
  for (const { name: call, rule: hidden, by } of hiddenRules(seccomp)) {
    debug(
      `/linux/seccomp/syscalls/${hidden}: means nothing to ${call}, ` +
        `of which /linux/seccomp/syscalls/${by} decides every call`,
    );
  }
  return fitting(withEnosys(seccomp, compiled));
}

/** Calls that 32-bit programs also have as a part of socketcall(2) or ipc(2). */
const MULTIPLEXED =
  /^(socket(pair)?|bind|connect|listen|accept4?|get(sock|peer)name|[gs]etsockopt|shutdown|(send|recv)(to|from|m?msg)?|(sem|msg|shm)[a-z]+)$/;

function contradiction(name: string): string {
  const why = 'an earlier rule for it has the same arguments and another action';
  if (!MULTIPLEXED.test(name)) return why;
  const other = /^(sem|msg|shm)/.test(name) ? 'ipc' : 'socketcall';
  return `${why}, or has as far as ${other}(2) of 32-bit programs shows them: a rule of ${other} before both decides`;
}

/** The kernel's most; the helper has room for no more. */
function fitting(program: Uint8Array): Uint8Array {
  const count = program.length / INSTRUCTION_SIZE;
  if (count <= MAX_INSTRUCTIONS) return program;
  const pointer = '/linux/seccomp';
  throw new TsrunError(
    'ERR_SECCOMP',
    `${pointer}: the filter has ${count} instructions, of which the kernel takes ${MAX_INSTRUCTIONS}`,
    { pointer },
  );
}

function withEnosys(seccomp: LinuxSeccomp, compiled: SeccompCompiled): Uint8Array {
  if (!answersEnosys(seccomp.defaultAction)) return compiled.program;
  const prologue = enosysPrologue(compiled.architectures);
  const whole = new Uint8Array(prologue.length + compiled.program.length);
  whole.set(prologue);
  whole.set(compiled.program, prologue.length);
  return whole;
}

/**
 * Lets a program through that lets the helper do the rest of its work.
 *
 * @throws TsrunError ERR_SECCOMP that names the call
 */
export function checked(
  native: Native,
  program: Uint8Array,
  calls: readonly LateCall[],
): Uint8Array {
  const architecture = nativeArchitecture(native);
  for (const { name, args, mayFail } of calls) {
    const number = native.systemCallNumber(name);
    const answer = answerOf(program, { number, architecture, args });
    if (mayFail === true ? survives(answer) : lets(answer)) continue;
    const pointer = '/linux/seccomp';
    throw new TsrunError(
      'ERR_SECCOMP',
      `${pointer}: the filter answers ${describeAction(answer)} to ${name}(2), ` +
        'which is needed between loading it and running the program',
      { pointer },
    );
  }
  return program;
}

/** AUDIT_ARCH_* of this machine, as the kernel shows it to a filter. */
function nativeArchitecture(native: Native): number {
  const match = / arch (\d+) /.exec(native.seccompSystem());
  return Number(match?.[1] ?? 0);
}
