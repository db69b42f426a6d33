/**
 * Sources of bind mounts as a container's mount namespace has them.
 *
 * A mount namespace that belongs to another user namespace than the one that it is copied from is
 * where the kernel locks what the mounts forbid (mount_namespaces(7), restrictions): read-only,
 * nosuid, nodev and noexec stay, and so does what is mounted further below. A tree that was opened
 * outside has no locks, and whoever has CAP_SYS_ADMIN in the container could undo all that.
 *
 * So a source is looked up twice: outside, with the rights of the caller, and in the namespace. Who
 * owns a directory on the way can make the second lookup fail, or lead elsewhere. Whether a tree goes
 * without locks is therefore decided by the configuration and the first descriptor alone, and what
 * happens later is no reason for it.
 */

import { MOUNTINFO_MAX, parseMountinfo } from '../cgroups/mount.js';
import type { MountEntry } from '../cgroups/mount.js';
import { TsrunError } from '../errors.js';
import {
  AT_RECURSIVE,
  ELOOP,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MOUNT_ATTR__ATIME,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_RDONLY,
  ST_RELATIME,
  S_IFDIR,
  S_IFMT,
} from '../native/constants.js';
import { isSameFile } from '../native/same-file.js';
import type { Native } from '../native/types.js';
import type { PlanInput } from '../plan/plan.js';
import type { Slot, Step } from '../plan/steps.js';

type TreeInput = Extract<PlanInput, { kind: 'tree' }>;
type Change = Extract<Step, { op: 'bind' | 'remount' }>;

/** What a lock keeps (can_change_locked_flags() of the kernel), besides the access times. */
const LOCKED = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

const FDINFO_MAX = 4096;

/** The trees of a plan that have a step `lock-tree`. */
export class LockedTrees {
  private readonly locked = new Map<Slot, TreeInput>();

  constructor(
    private readonly native: Native,
    private readonly steps: readonly Step[],
  ) {}

  /**
   * Decides whether a tree is exchanged for a locked one: unless the configuration takes something
   * off that a lock keeps, or asks for a part of a tree, which the kernel locks as a whole.
   *
   * @param place what the source is in the caller's mount namespace, O_PATH
   * @throws TsrunError ERR_SYSTEM when it cannot be found out
   */
  decide(slot: Slot, input: TreeInput, place: number): void {
    const { native, steps } = this;
    if (!steps.some((step) => step.op === 'lock-tree' && step.slot === slot)) return;
    const changes = steps.filter(
      (step): step is Change =>
        (step.op === 'bind' && step.slot === slot) ||
        (step.op === 'remount' && step.mount === slot),
    );
    const look = (what: string, result: number): TsrunError =>
      cannot(native, input, `cannot look at ${what} ${input.path}`, result);
    const stat = native.fstat(place);
    if (typeof stat === 'number') throw look('mount source', stat);
    const flags = native.fstatfsFlags(place);
    if (flags < 0) throw look('the mount of', flags);
    const isPart = !input.recursive && (stat.mode & S_IFMT) === S_IFDIR;
    const below = input.recursive && changes.some(canTakeOffBelow);
    // The file system may be read-only where the mount is not: the table of mounts tells them apart.
    if (isPart || below || takesOff(changes, attributesOfFlags(flags))) {
      const { mount, mountsBelow } = this.lookUp(input, place);
      if (takesOff(changes, attributesOf(mount))) return;
      if (isPart && mountsBelow.length > 0) return;
      if (below && mountsBelow.some((entry) => takesOffBelow(changes, attributesOf(entry)))) return;
    }
    this.locked.set(slot, input);
  }

  /**
   * @param opened descriptors of the plan's inputs
   * @returns the locked tree, or -1 where the one that was opened outside has to do
   * @throws TsrunError ERR_SYSTEM when it cannot be opened, or is another file than outside
   */
  open(slot: Slot, opened: readonly number[], mountNamespace: number): number {
    const { native } = this;
    const input = this.locked.get(slot);
    if (input === undefined) return -1;
    const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (input.recursive ? AT_RECURSIVE : 0);
    const tree = native.openTreeIn(mountNamespace, input.path, flags);
    const doing = `cannot open mount source ${input.path} in the container's mount namespace`;
    if (tree < 0) throw cannot(native, input, doing, tree);
    try {
      // The caller may have another root than its mount namespace, or somebody has renamed something.
      if (!isSameFile(native.fstat(tree), native.fstat(opened[slot] ?? -1))) {
        throw cannot(native, input, `${doing}: it is another file there`, 0);
      }
      if (input.idMap !== undefined) {
        const idMap = opened[input.idMap] ?? -1;
        const mapped = native.idMapTree(tree, idMap, input.idMapRecursive === true);
        if (mapped < 0) throw cannot(native, input, `cannot map the ids of ${input.path}`, mapped);
      }
      return tree;
    } catch (error) {
      native.close(tree);
      throw error;
    }
  }

  /** The mount of a descriptor, and those below it that a recursive bind would have too. */
  private lookUp(
    input: TreeInput,
    place: number,
  ): { mount: MountEntry; mountsBelow: MountEntry[] } {
    const { native } = this;
    const read = (path: string, max: number): string => {
      const text = native.readText(path, max);
      if (typeof text === 'number') throw cannot(native, input, `cannot read ${path}`, text);
      return text;
    };
    const fdinfo = read(`/proc/self/fdinfo/${place}`, FDINFO_MAX);
    const id = /\nmnt_id:\s*(\d+)\n/.exec(fdinfo)?.[1];
    const path = native.readlink(`/proc/self/fd/${place}`);
    if (typeof path === 'number') {
      throw cannot(native, input, `cannot read /proc/self/fd/${place}`, path);
    }
    const entries = parseMountinfo(read('/proc/self/mountinfo', MOUNTINFO_MAX));
    const mount = entries.find((entry) => entry.id === id);
    if (mount === undefined) {
      throw cannot(
        native,
        input,
        `cannot find the mount of ${input.path} in /proc/self/mountinfo`,
        0,
      );
    }
    const directory = path === '/' ? '/' : `${path}/`;
    const mountsBelow = entries.filter(
      ({ parent, point }) => parent === mount.id && (point === path || point.startsWith(directory)),
    );
    // Grows while it is walked.
    for (const { id: parent } of mountsBelow) {
      mountsBelow.push(...entries.filter((entry) => entry.parent === parent));
    }
    return { mount, mountsBelow };
  }
}

function takesOff(changes: readonly Change[], attributes: number): boolean {
  return (
    changes.some(({ attrSet, attrClear }) => takes(attrSet, attrClear, attributes)) ||
    takesOffBelow(changes, attributes)
  );
}

function takesOffBelow(changes: readonly Change[], attributes: number): boolean {
  return changes.some(({ recursiveSet, recursiveClear }) =>
    takes(recursiveSet, recursiveClear, attributes),
  );
}

function canTakeOffBelow({ recursiveSet, recursiveClear }: Change): boolean {
  return recursiveClear !== 0 || (recursiveSet & MOUNT_ATTR_NODIRATIME) !== 0;
}

/** Access times are locked whatever they are. */
function takes(set: number, clear: number, attributes: number): boolean {
  if ((clear & attributes & LOCKED) !== 0) return true;
  const kept = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
  const times = attributes & kept;
  return ((times & ~clear) | (set & kept)) !== times;
}

function attributesOfFlags(flags: number): number {
  const times =
    (flags & ST_NOATIME) !== 0
      ? MOUNT_ATTR_NOATIME
      : (flags & ST_RELATIME) !== 0
        ? MOUNT_ATTR_RELATIME
        : MOUNT_ATTR_STRICTATIME;
  return (
    times |
    ((flags & ST_NODIRATIME) === 0 ? 0 : MOUNT_ATTR_NODIRATIME) |
    ((flags & ST_RDONLY) === 0 ? 0 : MOUNT_ATTR_RDONLY) |
    ((flags & ST_NOSUID) === 0 ? 0 : MOUNT_ATTR_NOSUID) |
    ((flags & ST_NODEV) === 0 ? 0 : MOUNT_ATTR_NODEV) |
    ((flags & ST_NOEXEC) === 0 ? 0 : MOUNT_ATTR_NOEXEC)
  );
}

/** Names of show_mnt_opts() in the kernel; without one of them access times are strict. */
const NAMES: Readonly<Record<string, number>> = {
  ro: ST_RDONLY,
  nosuid: ST_NOSUID,
  nodev: ST_NODEV,
  noexec: ST_NOEXEC,
  noatime: ST_NOATIME,
  nodiratime: ST_NODIRATIME,
  relatime: ST_RELATIME,
};

function attributesOf({ attributes }: MountEntry): number {
  return attributesOfFlags(attributes.reduce((flags, name) => flags | (NAMES[name] ?? 0), 0));
}

/** @param result a negated errno, 0 for none */
function cannot(native: Native, { at }: TreeInput, what: string, result: number): TsrunError {
  const where = at === '' ? '' : `${at}: `;
  const why = result === 0 ? '' : `: ${reasonOf(native, result)}`;
  return new TsrunError('ERR_SYSTEM', `${where}${what}${why}`, {
    ...(result === 0 ? {} : { errno: -result }),
    ...(at === '' ? {} : { pointer: at }),
  });
}

/** Of a path that must lead through no magic link (RESOLVE_NO_MAGICLINKS). */
export function reasonOf(native: Native, result: number): string {
  return result === -ELOOP
    ? 'it leads through a link of /proc such as /proc/self/cwd, or through too many links'
    : native.strerror(-result);
}
