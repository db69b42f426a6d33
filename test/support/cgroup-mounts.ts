/** Cgroups of containers in this machine's v2 hierarchy, which is beside those of v1. */

import { existsSync, rmdirSync } from 'node:fs';

import type { Mount, Spec } from '../../src/spec/types.js';
import { dropNamespace, linuxOf } from './inside.js';
import type { Lab } from './inside.js';

export const UNIFIED = '/sys/fs/cgroup/unified';

/** For the cgroups of one test file. */
export const PARENT = `/tsrun-test-${String(process.pid)}`;

/** Parents stay when a container goes, so they are the test's to remove: the last of them first. */
export function removeAfterwards(lab: Lab, ...paths: string[]): void {
  for (const path of paths) {
    lab.cleanup(() => {
      if (existsSync(UNIFIED + path)) rmdirSync(UNIFIED + path);
    });
  }
}

/** Without a cgroup namespace, in this cgroup. */
export function inCgroup(cgroupsPath: string | undefined): (spec: Spec) => void {
  return (spec) => {
    dropNamespace(spec, 'cgroup');
    if (cgroupsPath !== undefined) linuxOf(spec).cgroupsPath = cgroupsPath;
  };
}

export function mountCgroup(spec: Spec, ...options: string[]): void {
  const mount: Mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options };
  spec.mounts = [...(spec.mounts ?? []).filter(({ type }) => type !== 'cgroup'), mount];
}
