/** Mounts of type cgroup: what the container sees of the cgroup v2 hierarchy. */

import { MOUNT_ATTR_RDONLY } from '../../native/constants.js';
import type { Places } from '../../namespaces/namespaces.js';
import type { IdMapping, PlanFacts } from '../plan.js';
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
 * namespace it gets a view that is read-only. So it does with one that does
 * not keep it from the limits of its own cgroup.
 *
 * @param mappings linux.uidMappings
 * @returns why, when that changed anything
 */
export function protectCgroups(
  places: Places,
  facts: PlanFacts,
  mappings: readonly IdMapping[],
  options: MountOptions,
): string | undefined {
  if (places.user === 'own' && facts.initialUserNamespace) return undefined;
  const { attributes, recursiveAttributes } = options;
  const changes = (attributes.set & ~recursiveAttributes.clear & MOUNT_ATTR_RDONLY) === 0;
  // The host's mounts below it come along with a view of the whole.
  if (places.cgroup !== 'own' && !changes) return undefined;
  const reason = exposure(places, facts, mappings);
  if (reason === undefined) return undefined;
  recursiveAttributes.set |= MOUNT_ATTR_RDONLY;
  recursiveAttributes.clear &= ~MOUNT_ATTR_RDONLY;
  attributes.clear &= ~MOUNT_ATTR_RDONLY;
  return changes ? reason : undefined;
}

/** Why a container with a root that is not the host's could write to what is not its own. */
function exposure(
  places: Places,
  facts: PlanFacts,
  mappings: readonly IdMapping[],
): string | undefined {
  if (places.cgroup === 'own') return 'the container has no cgroup namespace';
  if (!ownsLimits(places, facts, mappings)) return undefined;
  // Nothing says that the root of a namespace that is joined is the container's own cgroup.
  if (places.cgroup === 'joined') {
    return 'a cgroup namespace that is joined does not keep the container from its own limits';
  }
  if (facts.hasNsdelegate()) return undefined;
  return 'without the option nsdelegate of the cgroup hierarchy the container could change its own limits';
}

/** The files of the limits belong to the caller, who makes the cgroup. */
function ownsLimits(places: Places, facts: PlanFacts, mappings: readonly IdMapping[]): boolean {
  if (places.user === 'own') return true;
  // Of a namespace that is joined, nothing is known without mappings.
  if (places.user === 'joined' && mappings.length === 0) return true;
  return mappings.some(({ hostID, size }) => facts.uid >= hostID && facts.uid < hostID + size);
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
