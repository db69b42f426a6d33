/** A bundle on a fake system, and a container of it. */

import { create } from '../../../src/lifecycle/create.js';
import type { Created, CreateOptions } from '../../../src/lifecycle/create.js';
import type { FakeSystem } from '../../fakes/system.js';
import type { Spec } from '../../../src/spec/types.js';
import { ROOT, ROOT_FDS, ROOT_PATH, system as bare } from '../state/scene.js';

export { ROOT, ROOT_FDS, ROOT_PATH };

export function system(): FakeSystem {
  const fake = bare();
  fake.files.put('/bundle/rootfs/etc/passwd', 'file', 'root:x:0:0::/root:/bin/sh\n');
  fake.files.put('/console.sock', 'socket');
  for (const name of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
    fake.files.put(`/dev/${name}`);
  }
  return fake;
}

export function spec(changes: Partial<Spec> = {}): Spec {
  return {
    ociVersion: '1.3.0',
    root: { path: 'rootfs' },
    process: {
      args: ['/bin/true'],
      cwd: '/',
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 1024 }],
      oomScoreAdj: 100,
    },
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'network' }, { type: 'uts' }],
    },
    ...changes,
  };
}

export function options(changes: Partial<CreateOptions> = {}): CreateOptions {
  return {
    root: ROOT,
    id: 'a',
    bundle: '/bundle',
    spec: spec(),
    stdio: [-1, -1, -1],
    warn: () => undefined,
    ...changes,
  };
}

export async function made(
  fake: FakeSystem,
  changes: Partial<CreateOptions> = {},
): Promise<Created> {
  return create(fake.native, options(changes));
}
