/** src/native/types/bus.ts on the fake system. */

import type { FakeSystem } from '../system.js';
import type { NativeBus } from '../../../src/native/types/bus.js';

export function fakeNativeBus(system: FakeSystem): NativeBus {
  return {
    openBus: () => system.systemd.connect(),
    closeBus: (bus) => system.systemd.close(bus),
    // Nothing comes on it: what systemd has to say is there at once.
    watchBus: () => [-1, 1],
    callBus: (bus, _destination, path, _interfaceName, member, body) =>
      system.systemd.call(bus, path, member, body),
    receiveBus: (bus) => system.systemd.receive(bus),
  };
}
