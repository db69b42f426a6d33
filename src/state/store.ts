/** Reading, writing, claiming and removing state directories. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import {
  EEXIST,
  ENOENT,
  ENOTDIR,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  S_IFDIR,
  S_IFMT,
} from '../native/constants.js';
import { writeFileAtomically } from './atomic-file.js';
import { validateId } from './id.js';
import { statePaths } from './paths.js';
import { STATE_VERSION } from './state.js';
import type { ContainerState } from './state.js';

/** Far above what a state with thousands of annotations comes to. */
const MAX_STATE = 16 << 20;
/** PATH_MAX, and the mount point of the hierarchy. */
const MAX_PATH = 8192;

export function stateError(
  native: Native,
  doing: string,
  path: string,
  error: number,
  code: ErrorCode = 'ERR_STATE',
): TsrunError {
  return new TsrunError(code, `${doing} ${path}: ${native.strerror(-error)}`, { errno: -error });
}

export function notFound(id: string): TsrunError {
  return new TsrunError('ERR_NOT_FOUND', `container "${id}" does not exist`);
}

/**
 * Takes an id: makes its directory, which only one process can.
 *
 * @throws TsrunError ERR_EXISTS when the id is in use, ERR_STATE
 */
export function claimDirectory(native: Native, root: string, id: string): void {
  const { directory } = statePaths(root, id);
  // Passable for others: the notify socket below is reached from inside the container.
  const made = native.mkdir(directory, 0o711);
  if (made === -EEXIST) {
    throw new TsrunError('ERR_EXISTS', `container with given ID already exists: "${id}"`);
  }
  if (made < 0) throw stateError(native, 'cannot make state directory', directory, made);
}

/** What is in a state directory: nothing readable after a crash at the wrong moment. */
export type Found =
  { kind: 'absent' } | { kind: 'broken' } | { kind: 'state'; state: ContainerState };

/**
 * Looks for a container without failing for one that is broken.
 *
 * @throws TsrunError ERR_STATE when the state cannot be read although it is there
 */
export function findState(native: Native, root: string, id: string): Found {
  validateId(id);
  const paths = statePaths(root, id);
  const text = native.readText(paths.state, MAX_STATE);
  if (typeof text === 'number') {
    if (text !== -ENOENT && text !== -ENOTDIR) {
      throw stateError(native, 'cannot read', paths.state, text);
    }
    const stat = native.lstat(paths.directory);
    const directory = typeof stat !== 'number' && (stat.mode & S_IFMT) === S_IFDIR;
    return { kind: directory ? 'broken' : 'absent' };
  }
  const state = parseState(text, paths.state, id);
  return state === undefined ? { kind: 'broken' } : { kind: 'state', state };
}

/**
 * The state of a container that must be there.
 *
 * @throws TsrunError ERR_NOT_FOUND, ERR_STATE when it is broken
 */
export function loadState(native: Native, root: string, id: string): ContainerState {
  const found = findState(native, root, id);
  if (found.kind === 'absent') throw notFound(id);
  if (found.kind === 'broken') {
    throw new TsrunError(
      'ERR_STATE',
      `the state of container "${id}" is incomplete: its create was interrupted (delete --force removes it)`,
    );
  }
  return found.state;
}

/** Undefined when it is torn or is about another id; a newer format is an error. */
function parseState(text: string, path: string, id: string): ContainerState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const state = value as { version?: unknown; id?: unknown; pid?: unknown };
  if (typeof state.version === 'number' && state.version > STATE_VERSION) {
    throw new TsrunError(
      'ERR_STATE',
      `cannot read ${path}: format version ${state.version} is of a newer tsrun`,
    );
  }
  if (state.version !== STATE_VERSION || state.id !== id || typeof state.pid !== 'number') {
    return undefined;
  }
  return value as ContainerState;
}

/**
 * Notes the path of the cgroup that is about to be made.
 *
 * @throws TsrunError ERR_STATE
 */
export function noteCgroup(native: Native, root: string, id: string, cgroup: string): void {
  writeNew(native, statePaths(root, id).cgroup, cgroup);
}

/** What noteCgroup wrote; undefined when it did not come to that. */
export function notedCgroup(native: Native, root: string, id: string): string | undefined {
  const text = native.readText(statePaths(root, id).cgroup, MAX_PATH);
  return typeof text === 'string' && text.startsWith('/') ? text : undefined;
}

/**
 * The first writing, in place: the directory is new, and a torn file counts as
 * a broken state anyway.
 *
 * @throws TsrunError ERR_STATE
 */
export function writeFirstState(native: Native, root: string, state: ContainerState): void {
  writeNew(native, statePaths(root, state.id).state, serialize(state));
}

function writeNew(native: Native, path: string, text: string): void {
  const fd = native.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600);
  if (fd < 0) throw stateError(native, 'cannot write', path, fd);
  const written = native.write(fd, text);
  const closed = native.close(fd);
  if (written < 0) throw stateError(native, 'cannot write', path, written);
  if (closed < 0) throw stateError(native, 'cannot write', path, closed);
}

/** @throws TsrunError ERR_STATE; the old state is then still there */
export function writeState(native: Native, root: string, state: ContainerState): void {
  const path = statePaths(root, state.id).state;
  const written = writeFileAtomically(native, path, serialize(state), 0o600);
  if (written < 0) throw stateError(native, 'cannot write', path, written);
}

function serialize(state: ContainerState): string {
  return `${JSON.stringify(state, null, 2)}\n`;
}

/**
 * Removes a state directory with everything in it. state.json goes last but
 * the directory: a crash in between leaves a container that delete still knows.
 *
 * @throws TsrunError ERR_STATE
 */
export function removeDirectory(native: Native, root: string, id: string): void {
  const { directory, state } = statePaths(root, id);
  const error = emptyDirectory(native, directory, 'state.json');
  if (error < 0) throw stateError(native, 'cannot remove', directory, error);
  const unlinked = native.unlink(state);
  if (unlinked < 0 && unlinked !== -ENOENT) {
    throw stateError(native, 'cannot remove', state, unlinked);
  }
  const removed = native.rmdir(directory);
  if (removed < 0 && removed !== -ENOENT) {
    throw stateError(native, 'cannot remove', directory, removed);
  }
}

function emptyDirectory(native: Native, directory: string, keep: string): number {
  const names = native.readdir(directory);
  if (typeof names === 'number') return names === -ENOENT ? 0 : names;
  for (const name of names) {
    if (name === keep) continue;
    const error = removeEntry(native, `${directory}/${name}`);
    if (error < 0 && error !== -ENOENT) return error;
  }
  return 0;
}

function removeEntry(native: Native, path: string): number {
  const stat = native.lstat(path);
  if (typeof stat === 'number') return stat;
  if ((stat.mode & S_IFMT) !== S_IFDIR) return native.unlink(path);
  const error = emptyDirectory(native, path, '');
  return error < 0 ? error : native.rmdir(path);
}

/** Ids of all state directories, sorted; none when the root directory is not there. */
export function listIds(native: Native, root: string): string[] {
  const names = native.readdir(root);
  if (typeof names === 'number') {
    if (names === -ENOENT) return [];
    throw stateError(native, 'cannot read state directory', root, names);
  }
  return names.filter(isId).sort();
}

function isId(name: string): boolean {
  try {
    validateId(name);
    return true;
  } catch {
    return false;
  }
}
