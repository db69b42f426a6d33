/**
 * Opens what a plan needs from the caller's world, with the caller's rights
 * (PlanInput): element i becomes slot i of the helper.
 */

import type { Message, Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  AUTOFS_SUPER_MAGIC,
  CLONE_NEWUSER,
  EAGAIN,
  ENOENT,
  ESRCH,
  NSFS_MAGIC,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  O_CLOEXEC,
  O_PATH,
  O_RDONLY,
  RESOLVE_NO_MAGICLINKS,
} from '../native/constants.js';
import { NAMESPACE_FLAG } from '../namespaces/namespaces.js';
import { CAP_SYS_PTRACE } from '../plan/capabilities.js';
import type { PlanInput } from '../plan/plan.js';
import { SyncPoint } from '../plan/steps.js';
import type { Step } from '../plan/steps.js';
import type { LinuxNamespaceType } from '../spec/types.js';
import { killAndReap } from './child.js';
import type { IdMapCaller } from './id-maps.js';
import { reasonOf } from './locked-trees.js';
import type { LockedTrees } from './locked-trees.js';
import { writeIdMaps } from './id-maps.js';
import { NAMESPACE_FILE } from './namespaces-own.js';
import type { NamespaceFiles } from './namespaces-own.js';
import type { OpenFds } from './undo.js';
import { waitForEither } from './wait-either.js';

export interface InputSources {
  caller: IdMapCaller;
  /** The exec fifo, or the end of a pipe that stands for it: its owner's to close. */
  fifo?: number;
  /** The same of the fifo behind it. */
  report?: number;
  /** The root file system. */
  rootfs?: number;
  /** The compiled program of linux.seccomp. */
  seccomp?: Uint8Array;
  /** The files of the namespaces that are joined. */
  namespaces?: NamespaceFiles;
  /** Decides which trees are to be locked. */
  locks?: LockedTrees;
  /** pidfd of the container's first process. */
  container?: number;
}

/**
 * @param fds owns what is opened
 * @throws TsrunError with the pointer of the field that asked for it
 */
export async function openInputs(
  native: Native,
  inputs: readonly PlanInput[],
  sources: InputSources,
  fds: OpenFds,
): Promise<number[]> {
  const opened: number[] = [];
  for (const input of inputs) opened.push(await openInput(native, input, sources, opened, fds));
  return opened;
}

async function openInput(
  native: Native,
  input: PlanInput,
  sources: InputSources,
  opened: readonly number[],
  fds: OpenFds,
): Promise<number> {
  switch (input.kind) {
    case 'namespace':
      return openNamespace(native, input, sources, fds);
    case 'tree':
      return openTree(native, input, opened, sources, fds);
    case 'root':
      // Stays its owner's.
      return sources.rootfs ?? -1;
    case 'device': {
      const { at, path, mode, major, minor, uid, gid, label } = input;
      const fd = native.deviceTree(mode, major, minor, uid, gid, label);
      if (fd < 0) throw cannot(native, at, `make the device ${path}`, fd);
      return fds.add(fd);
    }
    case 'id-map':
      return openIdMap(native, input, sources.caller, fds);
    case 'fifo':
    case 'report':
      return sources[input.kind] ?? -1;
    case 'seccomp': {
      const fd = native.memfd('seccomp', sources.seccomp ?? '');
      if (fd < 0) throw cannot(native, input.at, 'keep the filter', fd);
      return fds.add(fd);
    }
    case 'container': {
      // The handle stays its owner's.
      const fd = native.dup(sources.container ?? -1);
      if (fd < 0) throw cannot(native, input.at, 'open the process of the container', fd);
      return fds.add(fd);
    }
  }
}

function openNamespace(
  native: Native,
  input: Extract<PlanInput, { kind: 'namespace' }>,
  { namespaces }: InputSources,
  fds: OpenFds,
): number {
  const { at, path, flag } = input;
  const open = `open namespace ${path}`;
  const place = namespaces?.get(path) ?? -ENOENT;
  if (place < 0) throw cannot(native, at, open, place);
  const isOne = isNamespace(native, place, flag);
  if (typeof isOne === 'number') throw cannot(native, at, open, isOne);
  if (!isOne) {
    throw new TsrunError(
      'ERR_CONFIG_INVALID',
      `${at}: cannot join ${path}: it is not a ${typeOf(flag) ?? ''} namespace`,
      { pointer: `${at}/path` },
    );
  }
  const fd = native.open(`/proc/self/fd/${place}`, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) throw cannot(native, at, open, fd);
  return fds.add(fd);
}

/**
 * Asked before anything is opened: to open a fifo is to wait for whoever writes to it.
 *
 * @returns a negated errno when that cannot be found out
 */
function isNamespace(native: Native, place: number, flag: number): boolean | number {
  const magic = native.fstatfsType(place);
  if (magic < 0) return magic;
  if (magic !== NSFS_MAGIC) return false;
  // The kernel names a namespace file by its type, as in `net:[4026531840]`.
  const name = native.readlink(`/proc/self/fd/${place}`);
  if (typeof name === 'number') return name;
  // A bind mount of a namespace file has the path of the mount as its name: then setns(2) checks.
  if (!/^[a-z]+:\[\d+\]$/.test(name)) return true;
  const type = typeOf(flag);
  return type !== undefined && name.startsWith(`${NAMESPACE_FILE[type]}:[`);
}

function typeOf(flag: number): LinuxNamespaceType | undefined {
  return (Object.keys(NAMESPACE_FLAG) as LinuxNamespaceType[]).find(
    (name) => NAMESPACE_FLAG[name] === flag,
  );
}

function openTree(
  native: Native,
  input: Extract<PlanInput, { kind: 'tree' }>,
  opened: readonly number[],
  { locks }: InputSources,
  fds: OpenFds,
): number {
  const { at, path, recursive, idMap } = input;
  const flags =
    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  const place = openPlace(native, input);
  let fd: number;
  try {
    fd = native.openTreeAt(place, '', flags);
    if (fd < 0) throw cannot(native, at, `open ${path}`, fd);
    fds.add(fd);
    locks?.decide(opened.length, input, place);
  } finally {
    native.close(place);
  }
  if (idMap !== undefined) {
    const mapped = native.idMapTree(fd, opened[idMap] ?? -1, input.idMapRecursive === true);
    if (mapped < 0) throw cannot(native, at, `map the ids of ${path}`, mapped);
  }
  return fd;
}

/**
 * What `mounts` names as a source. A magic link is an error: in a path that leads through one (a link
 * of whoever owns a directory of it, to /proc/self/cwd) every process finds something else.
 */
function openPlace(native: Native, { at, path }: Extract<PlanInput, { kind: 'tree' }>): number {
  const open = (name: string): number => {
    const place = native.openat2(AT_FDCWD, name, O_PATH | O_CLOEXEC, RESOLVE_NO_MAGICLINKS);
    if (place < 0) throw cannot(native, at, `open ${path}`, place, reasonOf(native, place));
    return place;
  };
  const place = open(path);
  const magic = native.fstatfsType(place);
  if (magic >= 0 && magic !== AUTOFS_SUPER_MAGIC) return place;
  native.close(place);
  if (magic < 0) throw cannot(native, at, `look at ${path}`, magic);
  // Nothing is mounted by O_PATH on the last name of a path (openat(2)).
  return open(`${path}/.`);
}

/** A process that lives just long enough for its new user namespace to be opened. */
async function openIdMap(
  native: Native,
  input: Extract<PlanInput, { kind: 'id-map' }>,
  caller: IdMapCaller,
  fds: OpenFds,
): Promise<number> {
  const { at, uidMappings, gidMappings } = input;
  // Processes with the caller's ids have every right in what it makes (namespaces/stages.ts). Whoever
  // may look into what is not dumpable leaves them nothing to look at.
  const hidden = caller.uid === 0 && (caller.effective & CAP_SYS_PTRACE) !== 0n;
  const child = native.spawn({
    cloneFlags: hidden ? 0 : CLONE_NEWUSER,
    earlyNamespaces: hidden ? CLONE_NEWUSER : 0,
    cgroupFd: -1,
    stdio: [-1, -1, -1],
    preserve: [],
    fds: [],
    slots: 0,
    steps: [...(hidden ? hideInNewUser(at) : []), { op: 'sync', at, point: SyncPoint.idMap }],
    trace: false,
  });
  if (typeof child === 'number') throw cannot(native, at, 'make a user namespace', child);
  let gone = false;
  try {
    for (;;) {
      const message = native.receive(child.socket);
      if (message === -EAGAIN && !gone) {
        gone = (await waitForEither(native, child.socket, child.pidfd)) === 'second';
        continue;
      }
      if (typeof message === 'object' && message.type === 'sync') break;
      throw cannot(native, at, 'make a user namespace', errorOf(message));
    }
    await writeIdMaps(native, { pid: child.pid, uidMappings, gidMappings, ...caller });
    const fd = native.open(`/proc/${child.pid}/ns/user`, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) throw cannot(native, at, 'open the new user namespace', fd);
    return fds.add(fd);
  } finally {
    native.close(child.socket);
    await killAndReap(native, child.pidfd);
    native.close(child.pidfd);
  }
}

/** What kept it from getting there; ESRCH where it has ended without a word. */
function errorOf(message: Message | number): number {
  if (typeof message === 'object') return -message.value;
  return message === 0 || message === -EAGAIN ? -ESRCH : message;
}

function hideInNewUser(at: string): Step[] {
  return [
    { op: 'dumpable', at, on: false },
    { op: 'unshare', at, flags: CLONE_NEWUSER },
  ];
}

function cannot(
  native: Native,
  at: string,
  what: string,
  error: number,
  reason = native.strerror(-error),
): TsrunError {
  const where = at === '' ? '' : `${at}: `;
  return new TsrunError('ERR_SYSTEM', `${where}cannot ${what}: ${reason}`, {
    errno: -error,
    ...(at === '' ? {} : { pointer: at }),
  });
}
