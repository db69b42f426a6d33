/** A state to test with. */

import { FakeSystem } from '../../../src/native/fake.js';
import { STATE_VERSION } from '../../../src/state/state.js';
import type { ContainerState } from '../../../src/state/state.js';

export const ROOT = '/run/tsrun';

export function stateOf(id: string, changes: Partial<ContainerState> = {}): ContainerState {
  return {
    version: STATE_VERSION,
    ociVersion: '1.3.0',
    id,
    phase: 'created',
    pid: 0,
    startTime: 0,
    bundle: '/bundle',
    rootfs: '/bundle/rootfs',
    created: '2026-01-02T03:04:05.678Z',
    annotations: {},
    owner: 'root',
    cgroupPath: null,
    cgroup: null,
    namespaces: 0,
    newPidNamespace: true,
    setup: { uid: 0, gid: 0 },
    rootless: false,
    keyring: '_ses.c1.0',
    terminal: false,
    hooks: { poststart: [], poststop: [] },
    ...changes,
  };
}

/** A system with the root directory. */
export function system(): FakeSystem {
  const fake = new FakeSystem();
  fake.files.put(ROOT, 'directory');
  return fake;
}
