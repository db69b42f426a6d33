/**
 * Compiled filters, kept from one create to the next: libseccomp needs 15 ms
 * for a profile of docker's size, where reading its program back takes none.
 *
 * A directory below that of the states. An entry is named by a hash of
 * everything that it depends on, and holds a hash of itself before the
 * program. Whoever could write there could take the filter away from a
 * container, so the directory is used only when nobody but the effective user
 * can change it; of what is above it that is known (safe-path.ts). Without a
 * cache everything works, and no failure of it is one of the create.
 */

import type { Native, Stat } from '../native/types.js';
import {
  EBADMSG,
  ENOENT,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../native/constants.js';
import { writeFileAtomically } from '../state/atomic-file.js';
import type { StateRoot } from '../state/root.js';
import { WRITABLE_BY_OTHERS } from '../state/safe-path.js';
import { ownUid } from '../state/user-namespace.js';
import { INSTRUCTION_SIZE } from './bpf.js';

/** A character that ids do not have. */
const DIRECTORY = '@seccomp';

const MAX_ENTRIES = 64;
/** Of a digest, in hexadecimal. */
const DIGEST_LENGTH = 64;
/** BPF_MAXINSNS of the kernel. */
export const MAX_INSTRUCTIONS = 4096;
const MAX_ENTRY = DIGEST_LENGTH + MAX_INSTRUCTIONS * INSTRUCTION_SIZE;

/**
 * The cache below a directory of states, made where it is missing.
 *
 * @returns a descriptor for the functions below, the caller's to close; undefined when it must not be used
 */
export function openCache(native: Native, root: StateRoot): number | undefined {
  let fd = root.openDirectory(DIRECTORY, O_RDONLY);
  if (fd === -ENOENT) {
    native.mkdirAt(root.fd, DIRECTORY, 0o700);
    fd = root.openDirectory(DIRECTORY, O_RDONLY);
  }
  if (fd < 0) return undefined;
  if (isOurs(native, native.fstat(fd), S_IFDIR)) return fd;
  native.close(fd);
  return undefined;
}

/** @returns undefined when there is none, or none to be trusted */
export function findProgram(native: Native, cache: number, name: string): Uint8Array | undefined {
  if (!isOurs(native, native.fstatAt(cache, name), S_IFREG)) return undefined;
  const program = readEntry(native, cache, name);
  return typeof program === 'number' ? undefined : program;
}

/** @returns whether it is kept */
export function keepProgram(
  native: Native,
  cache: number,
  name: string,
  program: Uint8Array,
): boolean {
  makeRoom(native, cache);
  return writeEntry(native, cache, name, program) >= 0;
}

/**
 * @param directory descriptor of the cache's, or a container's
 * @returns a negated errno when it cannot be read, -EBADMSG when it is not whole
 */
export function readEntry(native: Native, directory: number, name: string): Uint8Array | number {
  const fd = native.openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  const data = native.read(fd, MAX_ENTRY + 1);
  native.close(fd);
  return typeof data === 'number' ? data : (unpack(native, data) ?? -EBADMSG);
}

export function writeEntry(
  native: Native,
  directory: number,
  name: string,
  program: Uint8Array,
): number {
  return writeFileAtomically(native, directory, name, pack(native, program), 0o600);
}

function makeRoom(native: Native, cache: number): void {
  const names = native.names(cache);
  if (typeof names === 'number') return;
  // Names are hashes, so which one goes is as good as random.
  for (const name of names.slice(MAX_ENTRIES - 1)) native.unlinkAt(cache, name, 0);
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

function isOurs(native: Native, stat: Stat | number, type: number): boolean {
  if (typeof stat === 'number') return false;
  const { mode, uid } = stat;
  return (mode & S_IFMT) === type && uid === ownUid(native) && (mode & WRITABLE_BY_OTHERS) === 0;
}
