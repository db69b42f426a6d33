/** src/native/types/helper.ts on the fake system. */

import { EBADF } from '../../../src/native/constants.js';
import type { FakeSystem } from '../system.js';
import type { NativeHelper } from '../../../src/native/types/helper.js';

export function fakeNativeHelper(system: FakeSystem): NativeHelper {
  const { fds, helpers } = system;
  return {
    spawn: (request) => helpers.spawn(request),
    receive: (socket) => {
      const fd = fds.get(socket);
      return fd?.kind === 'socket' ? helpers.next(fd.helper) : -EBADF;
    },
    proceed: (socket) => {
      const fd = fds.get(socket);
      if (fd?.kind !== 'socket') return -EBADF;
      fd.helper.waiting = false;
      return 0;
    },
    operations: () => [],
  };
}
