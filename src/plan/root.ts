/** root, linux.rootfsPropagation: the tree that becomes the container's. */

import { MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from '../native/constants.js';
import type { RootfsPropagation } from '../spec/types.js';

const PROPAGATION: Readonly<Record<RootfsPropagation, number>> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
  rprivate: MS_PRIVATE | MS_REC,
  rshared: MS_SHARED | MS_REC,
  rslave: MS_SLAVE | MS_REC,
  runbindable: MS_UNBINDABLE | MS_REC,
  '': 0,
};

export interface RootPropagation {
  /** Of the tree that the process starts with: always cut off the host's, below / too. */
  tree: number;
  /** Of the container's root as it is mounted, 0 where it has that of the tree. */
  first: number;
  /** Of the container's root in the end, 0 when nothing is asked for. */
  root: number;
  /** Bind mounts stay in the peer groups of the host. */
  shared: boolean;
}

export function rootPropagation(wanted: RootfsPropagation | undefined): RootPropagation {
  const root = wanted === undefined ? 0 : PROPAGATION[wanted];
  const shared = (root & MS_SHARED) !== 0;
  // A shared tree could not be pivoted, and an unbindable one could not be bound. What becomes shared
  // in the end is in a peer group of its own, and no slave of the host's besides.
  const isSlave = root === 0 || (root & MS_SLAVE) !== 0;
  const tree = (isSlave ? MS_SLAVE : MS_PRIVATE) | MS_REC;
  // What the host mounts in the bundle later does not come into the container, as with runc and crun:
  // a slave is only what is mounted below the root.
  const first = isSlave ? MS_PRIVATE : 0;
  return { tree, first, root, shared };
}
