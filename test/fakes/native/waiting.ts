/** src/native/types/waiting.ts on the fake system. */

import type { FakeSystem } from '../system.js';
import type { NativeWaiting } from '../../../src/native/types/waiting.js';

export function fakeNativeWaiting(system: FakeSystem): NativeWaiting {
  const { waits } = system;
  return {
    wait: (fd, _events, timeout, _keepAlive, callback) => waits.wait(fd, timeout, callback),
    cancelWait: (handle) => {
      waits.cancel(handle);
    },
    monotonicNs: () => system.now,
  };
}
