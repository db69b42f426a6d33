/** idmap and ridmap: mounts that show other owners (mount_setattr(2), MOUNT_ATTR_IDMAP). */

import type { Places } from '../../namespaces/namespaces.js';
import type { Linux, Mount } from '../../spec/types.js';
import { invalid } from '../invalid.js';
import type { Slots } from '../slots.js';
import type { Slot } from '../steps.js';
import type { MountOptions } from './options.js';

/**
 * The slot of the mapping of a mount: its own, else the container's.
 *
 * @param joinedUser slot of the user namespace that the container joins, -1 for none
 * @returns -1 when the mount has none
 */
export function mountIdMap(
  mount: Mount,
  options: MountOptions,
  at: string,
  linux: Linux | undefined,
  places: Places,
  joinedUser: Slot,
  slots: Slots,
): Slot {
  const { uidMappings = [], gidMappings = [] } = mount;
  if (uidMappings.length > 0 || gidMappings.length > 0) {
    if (uidMappings.length === 0 || gidMappings.length === 0) {
      throw invalid(at, 'uidMappings and gidMappings belong together');
    }
    return slots.input({ kind: 'id-map', at: `${at}/uidMappings`, uidMappings, gidMappings });
  }
  if (options.idMap === 'none') return -1;
  if (places.user === 'joined') return joinedUser;
  if (places.user === 'own') {
    throw invalid(
      `${at}/options`,
      `${options.idMap} without uidMappings and gidMappings takes a user namespace`,
    );
  }
  return slots.input({
    kind: 'id-map',
    at: `${at}/options`,
    uidMappings: linux?.uidMappings ?? [],
    gidMappings: linux?.gidMappings ?? [],
  });
}
