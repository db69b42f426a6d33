/** What this build supports, as the specification's features document (features.md, features-linux.md). */

import { OBEYED_ANNOTATIONS } from './annotations.js';
import type { Features } from './spec/types.js';
import { CAPABILITIES } from './plan/capabilities.js';
import { knownMountOptions } from './plan/mounts/options.js';
import type { Native } from './native/types.js';
import { seccompFeatures } from './seccomp/features.js';
import { SPEC_VERSION, SPEC_VERSION_MIN, VERSION } from './version.js';

/**
 * The features of tsrun. It tells of this program and not of the host: a
 * feature may still be refused where the kernel lacks it. With `native` the
 * flags of seccomp(2) that work here are told too.
 *
 * containerd looks at `linux.mountExtensions.idmap`, `linux.namespaces` and
 * `rro` in `mountOptions` before it uses any of them.
 */
export function features(native?: Pick<Native, 'seccompFlagWorks' | 'seccompVersion'>): Features {
  return {
    ociVersionMin: SPEC_VERSION_MIN,
    ociVersionMax: SPEC_VERSION,
    hooks: [
      'prestart',
      'createRuntime',
      'createContainer',
      'startContainer',
      'poststart',
      'poststop',
    ],
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts'],
      capabilities: [...CAPABILITIES],
      cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: seccompFeatures(native),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      memoryPolicy: { modes: [], flags: [] },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: false },
    },
    annotations: {
      'tsrun.version': VERSION,
      ...(native === undefined
        ? {}
        : { 'io.github.seccomp.libseccomp.version': native.seccompVersion() }),
    },
    potentiallyUnsafeConfigAnnotations: [...OBEYED_ANNOTATIONS],
  };
}
