/**
 * The runtime under test as a program: `TSRUN_CLI` names it (a command line,
 * split at spaces), by default the Node host that was built into dist/.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../..');

export const COMMAND: readonly string[] = (
  process.env['TSRUN_CLI'] ?? `${process.execPath} ${join(REPOSITORY, 'dist/cli/main-node.js')}`
).split(' ');

export interface Result {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Instead of a pipe or nothing: descriptors of the test's. */
  stdio?: [number | 'ignore' | 'pipe', number | 'ignore' | 'pipe', number | 'ignore' | 'pipe'];
  uid?: number;
  gid?: number;
  /** What goes before the runtime's command, such as `unshare`. */
  prefix?: string[];
}

/** Runs a program to its end. */
export function runProgram(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const [file = '', ...args] = command;
    const child = spawn(file, args, {
      stdio: options.stdio ?? ['pipe', 'pipe', 'pipe'],
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // A program that does not read its input closes the pipe; that is its right.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, stdout, stderr });
    });
  });
}

/** A state root of one test, with the runtime's commands on it. */
export interface Runtime {
  root: string;
  (args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Ids that have not been deleted. */
  leftover(): string[];
  /** Removes every container by force, and the root. */
  clean(): Promise<void>;
}

/**
 * What the ids of one file of tests begin with. Not by the process's number alone:
 * a run uses tens of thousands, so that another file's process may have had it.
 */
export const ID_PREFIX = `test-${process.pid.toString()}-${randomBytes(3).toString('hex')}-`;

let counter = 0;

/** An id that no other test uses. */
export function newId(): string {
  counter += 1;
  return `${ID_PREFIX}${counter.toString()}`;
}

export function makeRuntime(root = mkdtempSync(join(tmpdir(), 'tsrun-root-'))): Runtime {
  const call = (args: readonly string[], options: RunOptions = {}): Promise<Result> =>
    runProgram([...(options.prefix ?? []), ...COMMAND, '--root', root, ...args], options);
  // The cache of filters outlives containers; no id has its name.
  const leftover = (): string[] =>
    existsSync(root) ? readdirSync(root).filter((name) => name !== '@seccomp') : [];
  return Object.assign(call, {
    root,
    leftover,
    clean: async () => {
      for (const id of leftover()) await call(['delete', '--force', id]);
      rmSync(root, { recursive: true, force: true });
    },
  });
}
