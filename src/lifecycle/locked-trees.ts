/**
 * Sources of bind mounts as a container's mount namespace has them.
 *
 * A mount namespace that belongs to another user namespace than the one that it is copied from is
 * where the kernel locks what the mounts forbid (mount_namespaces(7), restrictions): read-only,
 * nosuid, nodev and noexec stay, and so does what is mounted further below. A tree that was opened
 * outside has no locks, and whoever has CAP_SYS_ADMIN in the container could undo all that.
 *
 * So a source is looked up twice: outside, with the rights of the caller, and in the namespace. Who
 * owns a directory on the way can make the second lookup fail, or lead elsewhere, and can have
 * something mounted below. None of that is a reason for a tree without locks. What the namespace
 * does not give as the configuration wants it (without a flag, a part of a locked tree) is made of
 * the tree that was opened outside: it is changed, and gets its locks then.
 */

import { TsrunError } from '../errors.js';
import {
  AT_RECURSIVE,
  EINVAL,
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

const TIMES = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

/** The trees of a plan that have a step `lock-tree`. */
export class LockedTrees {
  private readonly locked = new Map<Slot, Locked>();

  constructor(
    private readonly native: Native,
    private readonly steps: readonly Step[],
  ) {}

  /**
   * Decides how a tree is exchanged for a locked one.
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
    const changed = below || takesOff(changes, attributesOfFlags(flags));
    this.locked.set(slot, { input, changes, isPart, changed });
  }

  /**
   * @param opened descriptors of the plan's inputs
   * @returns the locked tree, or -1 where the one that was opened outside has to do
   * @throws TsrunError ERR_SYSTEM when there cannot be one, or it is another file than outside
   */
  open(slot: Slot, opened: readonly number[], mountNamespace: number): number {
    const tree = this.locked.get(slot);
    if (tree === undefined) return -1;
    const outside = opened[slot] ?? -1;
    if (tree.changed) return this.lock(tree, outside, mountNamespace);
    return this.openInside(tree, outside, opened, mountNamespace);
  }

  private openInside(
    tree: Locked,
    outside: number,
    opened: readonly number[],
    mountNamespace: number,
  ): number {
    const { native } = this;
    const { input } = tree;
    const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (input.recursive ? AT_RECURSIVE : 0);
    const inside = native.openTreeIn(mountNamespace, input.path, flags);
    // Something is mounted below, which is locked there.
    if (inside === -EINVAL && tree.isPart) return this.lock(tree, outside, mountNamespace);
    const doing = `cannot open mount source ${input.path} in the container's mount namespace`;
    if (inside < 0) throw cannot(native, input, doing, inside);
    try {
      // The caller may have another root than its mount namespace, or somebody has renamed something.
      if (!isSameFile(native.fstat(inside), native.fstat(outside))) {
        throw cannot(native, input, `${doing}: it is another file there`, 0);
      }
      if (input.idMap !== undefined) {
        const idMap = opened[input.idMap] ?? -1;
        const mapped = native.idMapTree(inside, idMap, input.idMapRecursive === true);
        if (mapped < 0) throw cannot(native, input, `cannot map the ids of ${input.path}`, mapped);
      }
      return inside;
    } catch (error) {
      native.close(inside);
      throw error;
    }
  }

  private lock({ input, changes }: Locked, outside: number, mountNamespace: number): number {
    const { native } = this;
    const below = taken(changes.map(ofAll));
    const top = taken(changes.flatMap((change) => [ofAll(change), ofFirst(change)]));
    const locked = native.lockTree(
      outside,
      mountNamespace,
      below.set,
      below.clear,
      top.set,
      top.clear,
    );
    if (locked < 0) throw cannot(native, input, `cannot lock mount source ${input.path}`, locked);
    return locked;
  }
}

interface Locked {
  input: TreeInput;
  changes: readonly Change[];
  /** A directory without what may be mounted below it. */
  isPart: boolean;
  /** The configuration may take off what a lock keeps. */
  changed: boolean;
}

interface Attributes {
  set: number;
  clear: number;
}

function ofAll({ recursiveSet, recursiveClear }: Change): Attributes {
  return { set: recursiveSet, clear: recursiveClear };
}

function ofFirst({ attrSet, attrClear }: Change): Attributes {
  return { set: attrSet, clear: attrClear };
}

/** What one change has to do before the locks, for these to be possible after. */
function taken(changes: readonly Attributes[]): Attributes {
  let set = 0;
  let clear = 0;
  for (const change of changes) {
    set = (set & ~change.clear) | change.set;
    clear |= change.clear;
  }
  return { set: set & TIMES, clear: clear & (LOCKED | TIMES) };
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
  const times = attributes & TIMES;
  return ((times & ~clear) | (set & TIMES)) !== times;
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
