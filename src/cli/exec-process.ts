/** The process object of an `exec` whose command is on the command line. */

import { TsrunError } from '../errors.js';
import type { LinuxCapabilities, Process, User } from '../spec/types.js';
import type { Options } from './table.js';

/** The largest id: the one above stands for "no change" in system calls. */
const MAX_ID = 0xfffffffe;

/**
 * The container's own process with another command, and what the options change
 * of it. It has a terminal only when --tty asks for one.
 *
 * @throws TsrunError ERR_USAGE
 */
export function execProcess(
  own: Process,
  options: Options<'exec'>,
  args: readonly string[],
): Process {
  if (args.length === 0) {
    throw new TsrunError('ERR_USAGE', 'exec: a command is missing, or --process with one');
  }
  const { consoleSize: _, ...rest } = own;
  return {
    ...rest,
    args: [...args],
    terminal: options.tty ?? false,
    cwd: options.cwd ?? own.cwd,
    env: [...(own.env ?? []), ...(options.env ?? [])],
    user: execUser(own.user, options.user, options['additional-gids']),
    ...(options.cap === undefined ? {} : { capabilities: addTo(own.capabilities, options.cap) }),
    ...(options.apparmor === undefined ? {} : { apparmorProfile: options.apparmor }),
    ...(options['process-label'] === undefined ? {} : { selinuxLabel: options['process-label'] }),
    ...(options['no-new-privs'] === undefined ? {} : { noNewPrivileges: options['no-new-privs'] }),
  };
}

function execUser(
  own: User | undefined,
  text: string | undefined,
  additionalGids: readonly number[] | undefined,
): User {
  const user: User = { ...(own ?? { uid: 0, gid: 0 }) };
  if (text !== undefined && text !== '') {
    // Anything but plain numbers is refused: a name that became 0 would be root.
    const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
    if (match === null) throw invalidUser(text);
    user.uid = id(match[1] ?? '', text);
    if (match[2] !== undefined) user.gid = id(match[2], text);
  }
  if (additionalGids !== undefined) {
    user.additionalGids = [...(user.additionalGids ?? []), ...additionalGids];
  }
  return user;
}

function id(digits: string, text: string): number {
  const number = Number(digits);
  if (number > MAX_ID) throw invalidUser(text);
  return number;
}

function invalidUser(text: string): TsrunError {
  return new TsrunError(
    'ERR_USAGE',
    `exec: invalid value ${JSON.stringify(text)} for --user: it must be UID or UID:GID in numbers`,
  );
}

/** Not to the inheritable and ambient sets: what the program runs must not keep them (CVE-2022-29162). */
function addTo(own: LinuxCapabilities | undefined, names: readonly string[]): LinuxCapabilities {
  const added = names.map(capabilityName);
  return {
    ...own,
    bounding: union(own?.bounding, added),
    effective: union(own?.effective, added),
    permitted: union(own?.permitted, added),
  };
}

function union(own: readonly string[] | undefined, added: readonly string[]): string[] {
  return [...new Set([...(own ?? []), ...added])];
}

/** `kill`, `KILL` and `CAP_KILL` are the same. */
function capabilityName(text: string): string {
  const name = text.toUpperCase();
  return name.startsWith('CAP_') ? name : `CAP_${name}`;
}
