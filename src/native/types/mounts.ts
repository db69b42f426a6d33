/** Detached trees of mounts. */

import type { FdOrErrno, Status } from './results.js';

export interface NativeMounts {
  /** open_tree(2). */
  openTreeAt(dirfd: number, path: string, flags: number): FdOrErrno;
  /** The same in a mount namespace, of a path that leads through no magic link (-ELOOP). */
  openTreeIn(mountNamespace: number, path: string, flags: number): FdOrErrno;
  /**
   * A clone of a detached tree with the locks that mounts get in the user namespace of a mount
   * namespace. All mounts of the tree are changed before (mount_setattr(2)), then the first alone.
   * The tree is used up.
   */
  lockTree(
    tree: number,
    mountNamespace: number,
    belowSet: number,
    belowClear: number,
    topSet: number,
    topClear: number,
  ): FdOrErrno;
  /** A detached mount that is a new device node; mode has S_IFCHR or S_IFBLK, and the umask is nothing to it; `label` is SELinux's, empty for none. */
  deviceTree(
    mode: number,
    major: number,
    minor: number,
    uid: number,
    gid: number,
    label: string,
  ): FdOrErrno;
  /** mount_setattr(2) with MOUNT_ATTR_IDMAP on a detached tree, AT_RECURSIVE where asked for. */
  idMapTree(tree: number, userNamespace: number, recursive: boolean): Status;
}
