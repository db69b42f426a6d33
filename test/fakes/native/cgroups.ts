/** src/native/types/cgroups.ts on the fake system. */

import type { FakeSystem } from '../system.js';
import type { NativeCgroups } from '../../../src/native/types/cgroups.js';

export function fakeNativeCgroups(system: FakeSystem): NativeCgroups {
  const { descriptors } = system;
  return {
    loadDeviceProgram: () => descriptors.openOther(),
    attachDeviceProgram: () => 0,
    detachDeviceProgram: () => 0,
    devicePrograms: () => [],
  };
}
