/** src/native/types/mounts.ts on the fake system. */

import type { FakeSystem } from '../system.js';
import type { NativeMounts } from '../../../src/native/types/mounts.js';

export function fakeNativeMounts(system: FakeSystem): NativeMounts {
  const { files, descriptors } = system;
  return {
    openTreeAt: (fd, path) =>
      descriptors.openPath(path === '' ? (files.pathOf(fd) ?? '') : path, 0, 0),
    openTreeIn: (_mountNamespace, path) => descriptors.openPath(path, 0, 0),
    lockTree: (tree) => descriptors.openPath(files.pathOf(tree) ?? '', 0, 0),
    deviceTree: () => descriptors.openOther(),
    idMapTree: () => 0,
  };
}
