/** Whose the files of a container's limits are, and what keeps the container from them. */

import type { Places } from '../namespaces/namespaces.js';
import type { IdMapping, PlanFacts } from './plan.js';

/**
 * Whether the caller, who makes the cgroup and so owns the files of its limits, is somebody in
 * the container's user namespace: then its root may write to them. Of the host's own user
 * namespace it is not said here: nothing keeps a root there from the host's cgroups but its mounts.
 *
 * @param mappings linux.uidMappings
 */
export function ownsLimits(
  places: Places,
  facts: PlanFacts,
  mappings: readonly IdMapping[],
): boolean {
  if (places.user === 'own') return !facts.initialUserNamespace;
  // Of a namespace that is joined, nothing is known without mappings.
  if (places.user === 'joined' && mappings.length === 0) return true;
  return mappings.some(({ hostID, size }) => facts.uid >= hostID && facts.uid < hostID + size);
}
