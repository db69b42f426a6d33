/**
 * Sources of bind mounts as a container's mount namespace has them.
 *
 * A mount namespace that belongs to another user namespace than the one that it is copied from is
 * where the kernel locks what the mounts forbid (mount_namespaces(7), restrictions): read-only,
 * nosuid, nodev and noexec stay, and so does what is mounted further below. A tree that was opened
 * outside has no locks, and whoever has CAP_SYS_ADMIN in the container could undo all that.
 */

import { TsrunError } from '../errors.js';
import {
  AT_RECURSIVE,
  EAGAIN,
  EMFILE,
  ENFILE,
  ENOMEM,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../native/constants.js';
import { isSameFile } from '../native/same-file.js';
import type { Native } from '../native/types.js';
import type { ContainerPlan } from '../plan/plan.js';
import type { Step } from '../plan/steps.js';

/** Of what would work at another time: no reason to do without locks. */
const SHORTAGES: readonly number[] = [EAGAIN, EMFILE, ENFILE, ENOMEM];

type BindStep = Extract<Step, { op: 'bind' }>;

/**
 * @param inputs descriptors of the plan's inputs
 * @returns the tree, or -1 where the one that was opened outside has to do: the configuration asks
 *   for what a lock forbids, or for a part of a tree that the kernel gives as a whole only
 * @throws TsrunError ERR_SYSTEM when there is a lack of memory, descriptors or processes
 */
export function openLocked(
  native: Native,
  { inputs, steps }: ContainerPlan,
  opened: readonly number[],
  slot: number,
  mountNamespace: number,
): number {
  const input = inputs[slot];
  const bind = steps.find((step): step is BindStep => step.op === 'bind' && step.slot === slot);
  if (input?.kind !== 'tree' || bind === undefined) return -1;
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (input.recursive ? AT_RECURSIVE : 0);
  const tree = native.openTreeIn(mountNamespace, input.path, flags);
  if (SHORTAGES.includes(-tree)) {
    throw new TsrunError(
      'ERR_SYSTEM',
      `${bind.at}: cannot open mount source ${input.path} in the container's mount namespace: ` +
        native.strerror(-tree),
      { errno: -tree, pointer: bind.at },
    );
  }
  if (tree < 0) return -1;
  const mapped =
    input.idMap === undefined
      ? 0
      : native.idMapTree(tree, opened[input.idMap] ?? -1, input.idMapRecursive === true);
  if (
    mapped >= 0 &&
    // The caller may have another root than its mount namespace.
    isSameFile(native.fstat(tree), native.fstat(opened[slot] ?? -1)) &&
    native.setTreeAttributes(tree, bind.recursiveSet, bind.recursiveClear, true) >= 0 &&
    native.setTreeAttributes(tree, bind.attrSet, bind.attrClear, false) >= 0
  ) {
    return tree;
  }
  native.close(tree);
  return -1;
}
