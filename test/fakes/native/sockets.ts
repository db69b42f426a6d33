/** src/native/types/sockets.ts on the fake system. */

import { ENOENT } from '../../../src/native/constants.js';
import type { FakeSystem } from '../system.js';
import type { NativeSockets } from '../../../src/native/types/sockets.js';

export function fakeNativeSockets(system: FakeSystem): NativeSockets {
  const { files, fds, descriptors } = system;
  return {
    connectUnix: (path) => (files.get(path) === undefined ? -ENOENT : descriptors.openOther()),
    bindDatagramAt: (fd, name, mode) => {
      const added = files.add(`${files.pathOf(fd) ?? ''}/${name}`, files.node('socket', mode));
      return added < 0 ? added : descriptors.openOther();
    },
    sendUnixDatagram: () => 0,
    sendFd: (socket) => {
      const fd = fds.get(socket);
      if (fd?.kind === 'socket') fd.helper.waiting = false;
      return 0;
    },
  };
}
