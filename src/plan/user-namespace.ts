/** The container's user namespace: what the planner has to know of it. */

import { KEEP_GROUPS, annotation } from '../annotations.js';
import { gidMapWriter, setupId } from '../namespaces/id-maps.js';
import type { Places } from '../namespaces/namespaces.js';
import type { Linux, Spec } from '../spec/types.js';
import { CAP_SYS_ADMIN } from './capabilities.js';
import type { PlanFacts } from './plan.js';

/** The caller has the kernel's trust over its own user namespace. */
export function isPrivileged(facts: { effective: bigint }): boolean {
  return (facts.effective & CAP_SYS_ADMIN) !== 0n;
}

/** Whether the container's processes can set supplementary groups (user_namespaces(7)). */
export function allowsSetgroups(
  linux: Linux | undefined,
  places: Places,
  facts: PlanFacts,
): boolean {
  if (facts.setgroupsDenied === true) return false;
  if (places.user === 'new') return gidMapWriter(linux?.gidMappings ?? [], facts) !== 'self';
  // Whoever made a namespace that an ordinary user can join most likely had to deny it.
  return places.user === 'own' || isPrivileged(facts);
}

export function keepsGroups(annotations: Spec['annotations']): boolean {
  return annotation(annotations, KEEP_GROUPS) === '1';
}

/** Ids that set-up runs under once inside: the root of the user namespace. */
export function setupIds(linux: Linux | undefined, places: Places): { uid: number; gid: number } {
  if (places.user !== 'new') return { uid: 0, gid: 0 };
  return { uid: setupId(linux?.uidMappings ?? []), gid: setupId(linux?.gidMappings ?? []) };
}
