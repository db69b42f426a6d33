/**
 * Compiled filters, kept from one create to the next: libseccomp needs 15 ms
 * for a profile of docker's size, where reading its program back takes none.
 *
 * A directory below that of the states. An entry is named by a hash of
 * everything that it depends on, and holds a hash of itself before the
 * program. Whoever could write there could take the filter away from a
 * container, so the directory is used only when nobody but the effective user
 * and root can change it, or anything above it. Without a cache everything
 * works, and no failure of it is one of the create.
 */

import type { Native, Stat } from '../native/types.js';
import {
  EBADMSG,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../native/constants.js';
import { writeFileAtomically } from '../state/atomic-file.js';
import { inInitialUserNamespace } from '../state/user-namespace.js';
import { INSTRUCTION_SIZE } from './bpf.js';

/** A character that ids do not have. */
const DIRECTORY = '@seccomp';

const MAX_ENTRIES = 64;
/** Of a digest, in hexadecimal. */
const DIGEST_LENGTH = 64;
/** BPF_MAXINSNS of the kernel. */
export const MAX_INSTRUCTIONS = 4096;
const MAX_ENTRY = DIGEST_LENGTH + MAX_INSTRUCTIONS * INSTRUCTION_SIZE;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
/**
 * What owners look like that the user namespace does not map (user_namespaces(7)): the machine's
 * root, or any user. Directories of the system are root's wherever there is one (hier(7)).
 */
const OVERFLOW_UID = 65534;
const SYSTEM_DIRECTORIES: readonly string[] = [
  ...['/', '/run', '/run/user', '/tmp', '/home', '/mnt', '/opt', '/root', '/srv', '/usr'],
  ...['/var', '/var/lib', '/var/run', '/var/tmp'],
];

/**
 * The cache below a directory of states, made where it is missing.
 *
 * @returns undefined when it must not be used
 */
export function cacheDirectory(native: Native, root: string): string | undefined {
  const real = native.realpath(root);
  if (typeof real === 'number' || !isSafePath(native, real)) return undefined;
  const directory = `${real}/${DIRECTORY}`;
  let stat = native.lstat(directory);
  if (typeof stat === 'number') {
    native.mkdir(directory, 0o700);
    stat = native.lstat(directory);
  }
  return typeof stat !== 'number' && isOurs(native, stat, S_IFDIR) ? directory : undefined;
}

/** @returns undefined when there is none, or none to be trusted */
export function findProgram(native: Native, path: string): Uint8Array | undefined {
  const stat = native.lstat(path);
  if (typeof stat === 'number' || !isOurs(native, stat, S_IFREG)) return undefined;
  const program = readEntry(native, path);
  return typeof program === 'number' ? undefined : program;
}

/** @returns whether it is kept */
export function keepProgram(
  native: Native,
  directory: string,
  path: string,
  program: Uint8Array,
): boolean {
  makeRoom(native, directory);
  return writeEntry(native, path, program) >= 0;
}

/** @returns a negated errno when it cannot be read, -EBADMSG when it is not whole */
export function readEntry(native: Native, path: string): Uint8Array | number {
  const fd = native.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  const data = native.read(fd, MAX_ENTRY + 1);
  native.close(fd);
  return typeof data === 'number' ? data : (unpack(native, data) ?? -EBADMSG);
}

export function writeEntry(native: Native, path: string, program: Uint8Array): number {
  return writeFileAtomically(native, path, pack(native, program), 0o600);
}

function makeRoom(native: Native, directory: string): void {
  const names = native.readdir(directory);
  if (typeof names === 'number') return;
  // Names are hashes, so which one goes is as good as random.
  for (const name of names.sort().slice(MAX_ENTRIES - 1)) native.unlink(`${directory}/${name}`);
}

function pack(native: Native, program: Uint8Array): Uint8Array {
  const digest = native.digest(program);
  const data = new Uint8Array(DIGEST_LENGTH + program.length);
  for (let i = 0; i < DIGEST_LENGTH; i++) data[i] = digest.charCodeAt(i);
  data.set(program, DIGEST_LENGTH);
  return data;
}

function unpack(native: Native, data: Uint8Array): Uint8Array | undefined {
  const size = data.length - DIGEST_LENGTH;
  if (size <= 0 || size % INSTRUCTION_SIZE !== 0 || data.length > MAX_ENTRY) return undefined;
  const program = data.slice(DIGEST_LENGTH);
  const digest = native.digest(program);
  for (let i = 0; i < DIGEST_LENGTH; i++) {
    if (data[i] !== digest.charCodeAt(i)) return undefined;
  }
  return program;
}

function isOurs(native: Native, { mode, uid }: Stat, type: number): boolean {
  return (
    (mode & S_IFMT) === type && uid === native.getuid()[1] && (mode & WRITABLE_BY_OTHERS) === 0
  );
}

/** @param path absolute, without links */
function isSafePath(native: Native, path: string): boolean {
  const ours = native.getuid()[1];
  const inInitial = inInitialUserNamespace(native);
  for (let end = 0; end >= 0; end = end === path.length ? -1 : nextEnd(path, end)) {
    const directory = end === 0 ? '/' : path.slice(0, end);
    const stat = native.lstat(directory);
    if (typeof stat === 'number') return false;
    const { mode, uid } = stat;
    if ((mode & S_IFMT) !== S_IFDIR) return false;
    const isUnmapped = !inInitial && uid === OVERFLOW_UID;
    if (isUnmapped && !SYSTEM_DIRECTORIES.includes(directory)) return false;
    if (uid !== 0 && uid !== ours && !isUnmapped) return false;
    // In a sticky directory others cannot exchange what is not theirs (inode(7)).
    if ((mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0) return false;
  }
  return true;
}

function nextEnd(path: string, from: number): number {
  const slash = path.indexOf('/', from + 1);
  return slash < 0 ? path.length : slash;
}
