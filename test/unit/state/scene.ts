/** A state to test with. */

import { O_RDONLY } from '../../../src/native/constants.js';
import { FakeSystem } from '../../fakes/system.js';
import type { Native } from '../../../src/native/types.js';
import { StateRoot } from '../../../src/state/root.js';
import { STATE_VERSION } from '../../../src/state/state.js';
import type { ContainerState } from '../../../src/state/state.js';
import { StateFile, removeDirectory } from '../../../src/state/store.js';

export const ROOT_PATH = '/run/tsrun';

/** Of the system that was made last. */
export let ROOT: StateRoot;

/** How many descriptors it takes. */
export const ROOT_FDS = 1;

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
  fake.files.put(ROOT_PATH, 'directory');
  ROOT = StateRoot.open(fake.native, ROOT_PATH);
  return fake;
}

/** As a command does that holds the lock. */
export function remove(native: Native, id: string, fd = ROOT.openContainer(id, O_RDONLY)): void {
  removeDirectory(native, ROOT, id, { fd });
  native.close(fd);
}

/** Of a container whose directory is there. */
export function stateFile(native: Native, id: string, fd = ROOT.openContainer(id)): StateFile {
  const file = new StateFile(native, ROOT, id, fd);
  native.close(fd);
  return file;
}
