/** src/native/types/namespaces.ts on the fake system. */

import type { FakeSystem } from '../system.js';
import type { NativeNamespaces } from '../../../src/native/types/namespaces.js';

export function fakeNativeNamespaces(system: FakeSystem): NativeNamespaces {
  const { descriptors } = system;
  return {
    namespaceOwner: () => descriptors.openPath('/proc/self/ns/user', 0, 0),
  };
}
