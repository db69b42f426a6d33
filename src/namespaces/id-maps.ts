/** linux.uidMappings and gidMappings (user_namespaces(7)). */

import { CAP_SETGID, CAP_SETUID } from '../plan/capabilities.js';
import type { IdMapping } from '../plan/plan.js';

/** Who writes a map: the kernel asks for more the more a map gives. */
export type MapWriter =
  /** The caller, with CAP_SETUID or CAP_SETGID over its user namespace. */
  | 'privileged'
  /** The caller, for nothing but its own id. A gid map needs setgroups denied first. */
  | 'self'
  /** newuidmap(1) or newgidmap(1), for what /etc/subuid and /etc/subgid grant. */
  | 'helper';

function writer(mappings: readonly IdMapping[], id: number, mayMapAny: boolean): MapWriter {
  if (mayMapAny) return 'privileged';
  const [only] = mappings;
  const self = mappings.length === 1 && only !== undefined && only.size === 1 && only.hostID === id;
  return self ? 'self' : 'helper';
}

/** @param caller its effective ids and capabilities */
export function uidMapWriter(
  mappings: readonly IdMapping[],
  caller: { uid: number; effective: bigint },
): MapWriter {
  return writer(mappings, caller.uid, (caller.effective & CAP_SETUID) !== 0n);
}

/** @param caller its effective ids and capabilities */
export function gidMapWriter(
  mappings: readonly IdMapping[],
  caller: { gid: number; effective: bigint },
): MapWriter {
  return writer(mappings, caller.gid, (caller.effective & CAP_SETGID) !== 0n);
}

/** The id that a namespace's set-up runs as: its root, or the first one that it has. */
export function setupId(mappings: readonly IdMapping[]): number {
  const root = mappings.some(({ containerID, size }) => containerID === 0 && size > 0);
  return root ? 0 : (mappings[0]?.containerID ?? 0);
}

/** What an id of the namespace is outside; undefined when it is not mapped. */
export function hostId(mappings: readonly IdMapping[], id: number): number | undefined {
  for (const { containerID, hostID, size } of mappings) {
    if (id >= containerID && id < containerID + size) return hostID + id - containerID;
  }
  return undefined;
}
