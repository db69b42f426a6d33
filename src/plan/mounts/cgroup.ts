/** Mounts of type cgroup: what the container sees of the cgroup v2 hierarchy. */

import { MOUNT_ATTR_RDONLY } from '../../native/constants.js';
import type { Places } from '../../namespaces/namespaces.js';
import type { PlanFacts } from '../plan.js';
import type { MountOptions } from './options.js';

export type CgroupView =
  /** A new mount, which shows the hierarchy from the root of the cgroup namespace. */
  | { kind: 'mount' }
  /** A clone of what the host has mounted. */
  | { kind: 'tree'; path: string; recursive: boolean };

export function cgroupView(places: Places, facts: PlanFacts): CgroupView {
  // In a user namespace a mount takes a cgroup namespace that belongs to it.
  const mountable =
    places.cgroup === 'new' || (places.cgroup === 'joined' && places.user !== 'new');
  if (mountable) return { kind: 'mount' };
  // Without a cgroup of its own, or a hierarchy: whatever the host has there, controllers below it included.
  if (facts.cgroup === undefined) return { kind: 'tree', path: '/sys/fs/cgroup', recursive: true };
  const { root, path } = facts.cgroup;
  // The namespace asks for nothing but the container's own part, so that is what is shown.
  if (places.cgroup === 'joined') return { kind: 'tree', path: root + path, recursive: false };
  // Mounting cgroup2 again shows the same but makes the kernel wait (7 to 20 ms, for RCU).
  return { kind: 'tree', path: root, recursive: false };
}

/**
 * A container's root that is an ordinary user outside could write to the
 * cgroups delegated to that user (CVE-2023-25809), so without a cgroup
 * namespace it gets a view that is read-only.
 *
 * @returns whether that changed anything
 */
export function protectCgroups(
  view: CgroupView,
  places: Places,
  facts: PlanFacts,
  options: MountOptions,
): boolean {
  if (view.kind === 'mount' || places.cgroup === 'joined') return false;
  if (places.user === 'own' && facts.initialUserNamespace) return false;
  options.recursiveAttributes.set |= MOUNT_ATTR_RDONLY;
  options.recursiveAttributes.clear &= ~MOUNT_ATTR_RDONLY;
  options.attributes.clear &= ~MOUNT_ATTR_RDONLY;
  return (options.attributes.set & MOUNT_ATTR_RDONLY) === 0;
}

/**
 * Where the whole hierarchy of the host is shown, only the container's own
 * part of it may be writable.
 *
 * @returns that part's path, when the mount is to be writable at all
 */
export function ownCgroup(
  view: CgroupView,
  places: Places,
  facts: PlanFacts,
  options: MountOptions,
): string | undefined {
  const wholeTree = view.kind === 'tree' && places.cgroup === 'own' && facts.cgroup !== undefined;
  const readOnly =
    ((options.attributes.set | options.recursiveAttributes.set) & MOUNT_ATTR_RDONLY) !== 0;
  return wholeTree && !readOnly ? facts.cgroup?.path : undefined;
}
