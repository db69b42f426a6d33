/** Reading, writing, claiming and removing state directories. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import {
  EEXIST,
  EFBIG,
  AT_REMOVEDIR,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_NO_SYMLINKS,
} from '../native/constants.js';
import { latin1 } from '../native/latin1.js';
import { isAbsent } from '../native/look.js';
import { ofThisBoot } from './boot.js';
import { validateId } from './id.js';
import type { Lock } from './lock.js';
import { STATE_FILE, statePath } from './paths.js';
import type { StateRoot } from './root.js';
import { STATE_VERSION } from './state.js';
import {
  MAX_REMOVED,
  MAX_STATE,
  appendText,
  bytesOf,
  laterLine,
  lineOf,
  makeStateFile,
  stateOf,
  summaryOf,
} from './state-file.js';
import type { ContainerDetails, ContainerState, ContainerSummary, LaterState } from './state.js';

/** What runc's state.json has and ours has not, and where crun has its state. */
const RUNC_FIELD = 'init_process_pid';
const CRUN_STATE = 'status';

const COPY_SIZE = 1 << 20;

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

export function exists(id: string): TsrunError {
  return new TsrunError('ERR_EXISTS', `container with given ID already exists: "${id}"`);
}

/**
 * Makes the directory of an id, which only one process can. It is not ours
 * before it is locked: claimContainer.
 *
 * @throws TsrunError ERR_EXISTS when the id is in use, ERR_STATE
 */
export function claimDirectory(native: Native, root: StateRoot, id: string): void {
  // Passable for others: the notify socket below is reached from inside the container.
  const made = native.mkdirAt(root.fd, id, 0o711);
  if (made === -EEXIST) throw exists(id);
  if (made < 0) throw stateError(native, 'cannot make state directory', statePath(root, id), made);
}

/** What is in a state directory: nothing readable after a crash at the wrong moment. */
export type Found<State = ContainerState> =
  { kind: 'absent' } | { kind: 'broken' } | { kind: 'state'; state: State };

/**
 * Looks for a container without failing for one that is broken.
 *
 * @param asWritten leaves it to the caller to ask which boot it is of (ofThisBoot)
 * @throws TsrunError ERR_ID_INVALID, ERR_STATE when the state cannot be read although it is there
 */
export function findState(native: Native, root: StateRoot, id: string, asWritten = false): Found {
  validateId(id);
  return find(native, root, id, { details: true, asWritten }) as Found;
}

/**
 * The same for the removal, which reads a state too that is too large for other commands.
 *
 * @throws TsrunError ERR_ID_INVALID, ERR_STATE
 */
export function findRemovable(native: Native, root: StateRoot, id: string): Found {
  validateId(id);
  return find(native, root, id, { details: true, max: MAX_REMOVED }) as Found;
}

/** The same of one of listIds, and without its details. */
export function findListed(
  native: Native,
  root: StateRoot,
  id: string,
  asWritten = false,
): Found<ContainerSummary> {
  const line = atFile(native, root, id, STATE_FILE, (directory, path) =>
    native.readLastLineAt(directory, path, MAX_STATE),
  );
  const summary = typeof line === 'string' ? summaryOf(line) : undefined;
  if (summary === undefined) return find(native, root, id, { details: false, asWritten });
  return foundOf(native, root, checkState(summary, root, id, false), asWritten);
}

interface FindOptions {
  details: boolean;
  asWritten?: boolean;
  /** The largest state that is read, in bytes. */
  max?: number;
}

function find(
  native: Native,
  root: StateRoot,
  id: string,
  { details, asWritten = false, max = MAX_STATE }: FindOptions,
): Found<ContainerSummary> {
  const read = readStateText(native, root, id, max);
  if (typeof read === 'string')
    return foundOf(native, root, checkState(stateOf(read), root, id, details), asWritten);
  if (!isAbsent(read) && read !== -ELOOP) {
    throw stateError(native, 'cannot read', statePath(root, id, STATE_FILE), read);
  }
  // Of the directory, or of the file in it.
  const directory = root.openContainer(id);
  // A file, or a link, is no container.
  if (directory === -ENOENT || directory === -ENOTDIR) return { kind: 'absent' };
  if (directory < 0) throw stateError(native, 'cannot open', statePath(root, id), directory);
  try {
    const text = native.readTextAt(directory, STATE_FILE, max);
    if (typeof text === 'string')
      return foundOf(native, root, checkState(stateOf(text), root, id, details), asWritten);
    if (text !== -ENOENT) {
      throw stateError(native, 'cannot read', statePath(root, id, STATE_FILE), text);
    }
    const crun = native.fstatAt(directory, CRUN_STATE);
    const path = statePath(root, id, CRUN_STATE);
    if (typeof crun !== 'number') throw ofAnotherRuntime(id, path);
    if (!isAbsent(crun)) throw stateError(native, 'cannot look at', path, crun);
    return { kind: 'broken' };
  } finally {
    native.close(directory);
  }
}

/** @returns what it returns, or the negated errno with which the directory cannot be opened */
export function inContainer<T>(
  native: Native,
  root: StateRoot,
  id: string,
  use: (directory: number) => T,
): T | number {
  const directory = root.openContainer(id);
  if (directory < 0) return directory;
  try {
    return use(directory);
  } finally {
    native.close(directory);
  }
}

/**
 * For *at calls that follow no link: a file in a container's directory, which is opened only where
 * somebody else may have made it.
 */
function atFile<T>(
  native: Native,
  root: StateRoot,
  id: string,
  name: string,
  use: (directory: number, path: string) => T,
): T | number {
  if (root.isShared) return inContainer(native, root, id, (directory) => use(directory, name));
  return root.fd < 0 ? root.fd : use(root.fd, `${id}/${name}`);
}

/** A file of a container's directory; a negated errno when it cannot be opened. */
export function openFile(
  native: Native,
  root: StateRoot,
  id: string,
  name: string,
  flags: number,
): number {
  return atFile(native, root, id, name, (directory, path) =>
    native.openat2(directory, path, flags | O_CLOEXEC, RESOLVE_NO_SYMLINKS),
  );
}

/** All of state.json. */
export function readStateText(
  native: Native,
  root: StateRoot,
  id: string,
  max = MAX_STATE,
): string | number {
  return atFile(native, root, id, STATE_FILE, (directory, path) =>
    native.readTextAt(directory, path, max),
  );
}

function foundOf(
  native: Native,
  root: StateRoot,
  state: ContainerSummary | undefined,
  asWritten: boolean,
): Found<ContainerSummary> {
  if (state === undefined) return { kind: 'broken' };
  return { kind: 'state', state: asWritten ? state : ofThisBoot(native, root, state) };
}

/**
 * The state of a container that must be there.
 *
 * @throws TsrunError ERR_NOT_FOUND, ERR_STATE when it is broken
 */
export function loadState(native: Native, root: StateRoot, id: string): ContainerState {
  const found = findState(native, root, id);
  if (found.kind === 'absent') throw notFound(id);
  if (found.kind === 'broken') throw incomplete(id);
  return found.state;
}

function incomplete(id: string): TsrunError {
  return new TsrunError(
    'ERR_STATE',
    `the state of container "${id}" is incomplete: its create was interrupted (delete --force removes it)`,
  );
}

/** Undefined when it is torn or is about another id; another version of the format is an error. */
function checkState(
  state: Record<string, unknown> | undefined,
  root: StateRoot,
  id: string,
  details: boolean,
): ContainerSummary | undefined {
  if (state === undefined) return undefined;
  const path = statePath(root, id, STATE_FILE);
  if (typeof state[RUNC_FIELD] === 'number') throw ofAnotherRuntime(id, path);
  const { version } = state;
  if (typeof version === 'number' && version > STATE_VERSION)
    throw ofAnother(path, version, 'a newer');
  if (state['id'] !== id) return undefined;
  // What it says is true, and its container may run: it is no damage.
  if (typeof version === 'number' && version < STATE_VERSION)
    throw ofAnother(path, version, 'an older');
  if (
    version !== STATE_VERSION ||
    typeof state['pid'] !== 'number' ||
    (details && typeof state['namespaces'] !== 'number')
  ) {
    return undefined;
  }
  return state as unknown as ContainerSummary;
}

/**
 * Managers have one directory for the containers of all their runtimes. To take
 * another one's for remains would show what runs as stopped, and remove its state.
 */
function ofAnotherRuntime(id: string, path: string): TsrunError {
  return new TsrunError('ERR_STATE', `container "${id}" is of another runtime: ${path}`);
}

function ofAnother(path: string, version: number, which: string): TsrunError {
  return new TsrunError(
    'ERR_STATE',
    `cannot read ${path}: format version ${version} is of ${which} tsrun`,
  );
}

/**
 * The file that a new container's state is written to. The directory is the
 * caller's and empty (claimContainer).
 */
export class StateFile {
  private readonly path: string;
  /** The caller's to close. */
  readonly fd: number;
  private size = 0;

  /**
   * @param directory descriptor of the container's
   * @throws TsrunError ERR_STATE
   */
  constructor(
    private readonly native: Native,
    root: StateRoot,
    id: string,
    directory: number,
  ) {
    this.path = statePath(root, id, STATE_FILE);
    this.fd = makeStateFile(native, directory);
    if (this.fd < 0) throw this.failed(this.fd);
  }

  /** Before the cgroup is made: for a create that is killed before it has a state. */
  noteCgroup(path: string): void {
    this.add(lineOf({ notedCgroup: path }));
  }

  /** @throws TsrunError ERR_STATE */
  save(state: ContainerState): void {
    const { summary, details } = partsOf(state);
    this.add(lineOf({ details }) + lineOf(summary));
  }

  /** For saveSummary, to be made before there is haste. */
  laterLine(later: LaterState): string {
    return lineOf({ later });
  }

  /**
   * For a state whose details are as they were saved.
   *
   * @throws TsrunError ERR_STATE
   */
  saveSummary(state: ContainerState, laterLine = ''): void {
    this.add(laterLine + lineOf(partsOf(state).summary));
  }

  /** All of the lines, or none that counts. */
  private add(lines: string): void {
    this.size += bytesOf(lines);
    if (this.size > MAX_STATE) {
      // No command but the removal reads it again.
      throw new TsrunError(
        'ERR_STATE',
        `cannot write ${this.path}: the state would be larger than ${MAX_STATE >> 20} MiB`,
        { errno: EFBIG },
      );
    }
    const added = appendText(this.native, this.fd, lines);
    if (added < 0) throw this.failed(added);
  }

  private failed(error: number): TsrunError {
    return stateError(this.native, 'cannot write', this.path, error);
  }
}

/** The summary's fields are in this order: it is known by its beginning. */
function partsOf(state: ContainerState): { summary: ContainerSummary; details: ContainerDetails } {
  const {
    version,
    id,
    phase,
    pid,
    startTime,
    bundle,
    created,
    owner,
    cgroupPath,
    cgroupHierarchy,
    boot,
    ...details
  } = state;
  const summary: ContainerSummary = {
    ...{ version, id, phase, pid, startTime, bundle, created, owner, cgroupPath },
    ...(cgroupHierarchy === undefined ? {} : { cgroupHierarchy }),
    // Last: salvage() finds it by that.
    ...(boot === undefined ? {} : { boot }),
  };
  return { summary, details };
}

/**
 * The LaterState of a container whose state is whole.
 *
 * @param parse of its text, for whom integers beyond 2^53 matter
 * @throws TsrunError ERR_STATE
 */
export function readLater(
  native: Native,
  root: StateRoot,
  id: string,
  parse: (text: string) => unknown = JSON.parse,
): LaterState {
  const line = readLaterLine(native, root, id);
  try {
    return (parse(line) as { later: LaterState }).later;
  } catch {
    throw incomplete(id);
  }
}

export function readLaterLine(native: Native, root: StateRoot, id: string): string {
  const text = readStateText(native, root, id);
  if (typeof text === 'number') {
    throw stateError(native, 'cannot read', statePath(root, id, STATE_FILE), text);
  }
  const line = laterLine(text);
  if (line === undefined) throw incomplete(id);
  return line;
}

/**
 * Removes a state directory with everything in it. The caller holds its lock,
 * and has asked whether it still is the one there (Lock.isCurrent). state.json
 * goes last but the directory, and comes back where that stays: until then it
 * is a container that `list` shows and delete knows.
 *
 * @throws TsrunError ERR_STATE
 */
export function removeDirectory(
  native: Native,
  root: StateRoot,
  id: string,
  { fd }: Pick<Lock, 'fd'>,
): void {
  const cannotRemove = (error: number, name?: string): TsrunError =>
    stateError(native, 'cannot remove', statePath(root, id, name), error);
  const error = emptyDirectory(native, fd, STATE_FILE);
  if (error < 0) throw cannotRemove(error);
  // Without a descriptor for it, it is removed all the same.
  const kept = native.openat(fd, STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
  try {
    const unlinked = native.unlinkAt(fd, STATE_FILE, 0);
    if (unlinked < 0 && unlinked !== -ENOENT) throw cannotRemove(unlinked, STATE_FILE);
    const removed = native.unlinkAt(root.fd, id, AT_REMOVEDIR);
    if (removed >= 0 || removed === -ENOENT) return;
    if (kept >= 0) restore(native, fd, kept);
    throw cannotRemove(removed);
  } finally {
    if (kept >= 0) native.close(kept);
  }
}

/** Makes state.json again of what was removed; where that fails, delete takes what is left for remains. */
function restore(native: Native, directory: number, from: number): void {
  const to = makeStateFile(native, directory);
  if (to < 0) return;
  for (;;) {
    const data = native.read(from, COPY_SIZE);
    if (typeof data === 'number' || data.length === 0 || native.write(to, data) < 0) break;
  }
  native.close(to);
}

type Name = string | Uint8Array;

/**
 * Rootless containers with CAP_SYS_ADMIN may write to the directory of their notify socket: they can
 * nest directories in there as deep as they like, exchange them for links meanwhile, and name them by
 * any bytes. So what is to be read is moved out of their reach first, to a name of ours, and nothing
 * is reached through another directory of theirs.
 */
function emptyDirectory(native: Native, directory: number, keep: string): number {
  const names = native.names(directory);
  if (typeof names === 'number') return names;
  const full: Name[] = [];
  for (const name of names) {
    if (latin1(name) === keep) continue;
    const error = removeEntry(native, directory, name, full);
    if (error < 0) return error;
  }
  const moved = { count: 0 };
  for (;;) {
    const next = full.pop();
    if (next === undefined) return 0;
    let error = emptyNested(native, directory, next, full, moved);
    if (error >= 0) error = native.unlinkAt(directory, next, AT_REMOVEDIR);
    if (error < 0) return error;
  }
}

/** @param full gets the names, in `directory`, of what was in the nested one and is not empty */
function emptyNested(
  native: Native,
  directory: number,
  nested: Name,
  full: Name[],
  moved: { count: number },
): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const fd = native.openat(directory, nested, flags, 0);
  if (fd < 0) return fd;
  try {
    const names = native.names(fd);
    if (typeof names === 'number') return names;
    for (const name of names) {
      const stillFull: Name[] = [];
      let error = removeEntry(native, fd, name, stillFull);
      for (const entry of stillFull) {
        const place = `.removed-${native.getpid()}-${moved.count++}`;
        error = native.renameAt(fd, entry, directory, place);
        if (error >= 0) error = removeEntry(native, directory, place, full);
      }
      if (error < 0) return error;
    }
    return 0;
  } finally {
    native.close(fd);
  }
}

/** @param full gets it when it is a directory with something in it */
function removeEntry(native: Native, directory: number, name: Name, full: Name[]): number {
  let removed = native.unlinkAt(directory, name, 0);
  if (removed === -EISDIR) removed = native.unlinkAt(directory, name, AT_REMOVEDIR);
  if (removed === -ENOTEMPTY) full.push(name);
  return removed === -ENOENT || removed === -ENOTEMPTY ? 0 : removed;
}

/** Ids of all state directories, sorted; none when the root directory is not there. */
export function listIds(native: Native, root: StateRoot): string[] {
  const fd = root.openDirectory('.', O_RDONLY);
  const names = fd < 0 ? fd : native.names(fd);
  if (fd >= 0) native.close(fd);
  if (typeof names === 'number') {
    if (names === -ENOENT) return [];
    throw stateError(native, 'cannot read state directory', root.path, names);
  }
  return names.map(latin1).filter(isId).sort();
}

function isId(name: string): boolean {
  try {
    validateId(name);
    return true;
  } catch {
    return false;
  }
}
