/**
 * An ordinary user for tests of a caller without privileges. This machine does
 * not get one: the user's programs run in a mount namespace of their own, where
 * /etc is a copy that knows the user, with ids in /etc/subuid and /etc/subgid.
 */

import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { COMMAND, runProgram } from './tsrun.js';
import type { Result, RunOptions } from './tsrun.js';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../..');

export const UID = 34567;
/** First of the 65536 ids that /etc/subuid gives the user, and that of /etc/subgid. */
export const SUBUID = 2000000;
export const SUBGID = 3000000;

export interface User {
  /** $XDG_RUNTIME_DIR */
  runtimeDirectory: string;
  /** Makes the user the owner of everything below a path. */
  give(path: string): void;
  /** Runs a program as the user; what goes before it (`prefix`) is still root's. */
  run(command: readonly string[], options?: RunOptions): Promise<Result>;
  /** Runs the runtime as the user. */
  tsrun(args: readonly string[], options?: RunOptions): Promise<Result>;
  remove(): void;
}

// The checkout may be where the user cannot go: below /root, say.
const ENTER = `set -e
  mount --bind "$1/etc" /etc
  mount --bind "$2" "$1/repository"
  export XDG_RUNTIME_DIR="$1/run" HOME=/
  uid=$3
  shift 3
  exec setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"`;

export function makeUser(): User {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-user-'));
  execFileSync('chmod', ['755', directory]);
  execFileSync('cp', ['-a', '/etc', join(directory, 'etc')]);
  appendFileSync(
    join(directory, 'etc/passwd'),
    `tester:x:${UID.toString()}:${UID.toString()}::/:/bin/sh\n`,
  );
  appendFileSync(join(directory, 'etc/group'), `tester:x:${UID.toString()}:\n`);
  writeFileSync(join(directory, 'etc/subuid'), `tester:${SUBUID.toString()}:65536\n`);
  writeFileSync(join(directory, 'etc/subgid'), `tester:${SUBGID.toString()}:65536\n`);
  const repository = join(directory, 'repository');
  const runtimeDirectory = join(directory, 'run');
  mkdirSync(repository);
  mkdirSync(runtimeDirectory, { mode: 0o700 });
  const give = (path: string): void => {
    execFileSync('chown', ['-hR', `${UID.toString()}:${UID.toString()}`, path]);
  };
  give(runtimeDirectory);
  // As the directories of a session, which are the user's below /run/user.
  execFileSync('chown', [UID.toString(), directory]);

  const run = (command: readonly string[], options?: RunOptions): Promise<Result> => {
    const enter = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', ENTER, 'sh'];
    const visible = command.map((word) => word.replace(REPOSITORY, repository));
    const before = options?.prefix ?? [];
    return runProgram(
      [...before, ...enter, directory, REPOSITORY, UID.toString(), ...visible],
      options,
    );
  };
  return {
    runtimeDirectory,
    give,
    run,
    tsrun: (args, options) => run([...COMMAND, ...args], options),
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
