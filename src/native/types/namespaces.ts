/** Namespaces. */

import type { FdOrErrno } from './results.js';

export interface NativeNamespaces {
  /** NS_GET_USERNS (ioctl_nsfs(2)): -EPERM where the caller is neither in that user namespace nor in one above. */
  namespaceOwner(namespace: number): FdOrErrno;
}
