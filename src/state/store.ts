/** Reading, writing, claiming and removing state directories. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import {
  EEXIST,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  F_OK,
  S_IFDIR,
  S_IFMT,
} from '../native/constants.js';
import { isAbsent } from '../native/look.js';
import { validateId } from './id.js';
import { statePaths } from './paths.js';
import { STATE_VERSION } from './state.js';
import {
  MAX_STATE,
  appendText,
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
export function claimDirectory(native: Native, root: string, id: string): void {
  const { directory } = statePaths(root, id);
  // Passable for others: the notify socket below is reached from inside the container.
  const made = native.mkdir(directory, 0o711);
  if (made === -EEXIST) throw exists(id);
  if (made < 0) throw stateError(native, 'cannot make state directory', directory, made);
}

/** What is in a state directory: nothing readable after a crash at the wrong moment. */
export type Found<State = ContainerState> =
  { kind: 'absent' } | { kind: 'broken' } | { kind: 'state'; state: State };

/**
 * Looks for a container without failing for one that is broken.
 *
 * @throws TsrunError ERR_ID_INVALID, ERR_STATE when the state cannot be read although it is there
 */
export function findState(native: Native, root: string, id: string): Found {
  validateId(id);
  return find(native, root, id, true) as Found;
}

/** The same of one of listIds, and without its details. */
export function findListed(native: Native, root: string, id: string): Found<ContainerSummary> {
  const path = statePaths(root, id).state;
  const line = native.readLastLine(path, MAX_STATE);
  const summary = typeof line === 'string' ? summaryOf(line) : undefined;
  if (summary === undefined) return find(native, root, id, false);
  return foundOf(checkState(summary, path, id, false));
}

function find(native: Native, root: string, id: string, details: boolean): Found<ContainerSummary> {
  const paths = statePaths(root, id);
  const text = native.readText(paths.state, MAX_STATE);
  if (typeof text === 'number') {
    if (text !== -ENOENT && text !== -ENOTDIR) {
      throw stateError(native, 'cannot read', paths.state, text);
    }
    const stat = native.lstat(paths.directory);
    if (typeof stat === 'number' && !isAbsent(stat)) {
      throw stateError(native, 'cannot look at', paths.directory, stat);
    }
    const directory = typeof stat !== 'number' && (stat.mode & S_IFMT) === S_IFDIR;
    if (!directory) return { kind: 'absent' };
    const crun = `${paths.directory}/${CRUN_STATE}`;
    const access = native.access(crun, F_OK);
    if (access >= 0) throw ofAnotherRuntime(id, crun);
    if (!isAbsent(access)) throw stateError(native, 'cannot look at', crun, access);
    return { kind: 'broken' };
  }
  return foundOf(checkState(stateOf(text), paths.state, id, details));
}

function foundOf(state: ContainerSummary | undefined): Found<ContainerSummary> {
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
  path: string,
  id: string,
  details: boolean,
): ContainerSummary | undefined {
  if (state === undefined) return undefined;
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

  /** @throws TsrunError ERR_STATE */
  constructor(
    private readonly native: Native,
    root: string,
    id: string,
  ) {
    this.path = statePaths(root, id).state;
    this.fd = makeStateFile(native, this.path);
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
    const added = appendText(this.native, this.fd, lines);
    if (added < 0) throw this.failed(added);
  }

  private failed(error: number): TsrunError {
    return stateError(this.native, 'cannot write', this.path, error);
  }
}

/** The summary's fields are in this order: it is known by its beginning. */
function partsOf(state: ContainerState): { summary: ContainerSummary; details: ContainerDetails } {
  const { version, id, phase, pid, startTime, bundle, created, owner, cgroupPath, ...details } =
    state;
  return {
    summary: { version, id, phase, pid, startTime, bundle, created, owner, cgroupPath },
    details,
  };
}

/**
 * The LaterState of a container whose state is whole.
 *
 * @param parse of its text, for whom integers beyond 2^53 matter
 * @throws TsrunError ERR_STATE
 */
export function readLater(
  native: Native,
  root: string,
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

export function readLaterLine(native: Native, root: string, id: string): string {
  const path = statePaths(root, id).state;
  const text = native.readText(path, MAX_STATE);
  if (typeof text === 'number') throw stateError(native, 'cannot read', path, text);
  const line = laterLine(text);
  if (line === undefined) throw incomplete(id);
  return line;
}

/**
 * Removes a state directory with everything in it. The caller holds its lock,
 * and has asked whether it still is the one there (Lock.isCurrent). state.json
 * goes last but the directory: a crash in between leaves a container that
 * delete still knows.
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

/**
 * Rootless containers with CAP_SYS_ADMIN may write to the directory of their notify socket: they can
 * nest directories in there as deep as they like, and exchange them for links meanwhile. So what is
 * to be read is moved out of their reach first, to a name of ours, and nothing is reached through
 * another directory of theirs.
 */
function emptyDirectory(native: Native, directory: string, keep: string): number {
  const names = native.readdir(directory);
  if (typeof names === 'number') return names === -ENOENT ? 0 : names;
  const full: string[] = [];
  for (const name of names) {
    if (name === keep) continue;
    const error = removeEntry(native, `${directory}/${name}`, full);
    if (error < 0) return error;
  }
  for (let moved = 0; ;) {
    const next = full.pop();
    if (next === undefined) return 0;
    const below = native.readdir(next);
    if (typeof below === 'number') return below;
    for (const name of below) {
      const nested: string[] = [];
      let error = removeEntry(native, `${next}/${name}`, nested);
      for (const path of nested) {
        const place = `${directory}/.removed-${native.getpid()}-${moved++}`;
        error = native.rename(path, place);
        if (error >= 0) error = removeEntry(native, place, full);
      }
      if (error < 0) return error;
    }
    const removed = native.rmdir(next);
    if (removed < 0) return removed;
  }
}

/** @param full gets it when it is a directory with something in it */
function removeEntry(native: Native, path: string, full: string[]): number {
  let removed = native.unlink(path);
  if (removed === -EISDIR) removed = native.rmdir(path);
  if (removed === -ENOTEMPTY) full.push(path);
  return removed === -ENOENT || removed === -ENOTEMPTY ? 0 : removed;
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
