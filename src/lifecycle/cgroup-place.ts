/**
 * Whether a container gets a cgroup of its own, and where. The plan depends on it, so it is decided
 * before there is one: what is then refused is an error.
 */

import { rulesMissed } from '../cgroups/devices/missed.js';
import { canCreateCgroup, cannotCreateCgroup } from '../cgroups/create.js';
import { isMemoryLimited } from '../cgroups/limits/memory.js';
import { notInV2 } from '../cgroups/limits/missing.js';
import { controllerOf } from '../cgroups/limits/write.js';
import type { CgroupWrite } from '../cgroups/limits/write.js';
import { cgroupOf, findUnifiedHierarchy } from '../cgroups/mount.js';
import { cgroupPath } from '../cgroups/path.js';
import { SUBGROUP } from '../cgroups/subgroup.js';
import { TsrunError } from '../errors.js';
import type { Native } from '../native/types.js';
import type { PlanFacts } from '../plan/plan.js';
import type { Spec } from '../spec/types.js';

type Place = NonNullable<PlanFacts['cgroup']>;

export interface PlaceRequest {
  id: string;
  spec: Spec;
  /** The caller wants none (`--cgroup-manager=disabled`). */
  noCgroup: boolean;
  /** The container must have one. */
  required: boolean;
  /** The memory of the caller must not count in it (CreateOptions.spareCaller). */
  spareCaller: boolean;
  /** The place of the scope that systemd is going to make. */
  scope?: Place | undefined;
}

export type CgroupPlace =
  | { place: Place }
  | { place: undefined; reason: 'unwanted' | 'no hierarchy' }
  /** The caller may not make it: a negated errno. */
  | { place: undefined; reason: 'denied'; path: string; error: number };

/** @throws TsrunError ERR_CONFIG_INVALID for a cgroupsPath that cannot be one; ERR_CGROUP, ERR_SYSTEM */
export function findCgroupPlace(native: Native, request: PlaceRequest): CgroupPlace {
  if (request.noCgroup) return { place: undefined, reason: 'unwanted' };
  if (request.scope !== undefined) return { place: request.scope };
  const hierarchy = findUnifiedHierarchy(native);
  if (hierarchy === undefined) return { place: undefined, reason: 'no hierarchy' };
  const { id, spec, required, spareCaller } = request;
  const own = cgroupOf(native, 'self');
  const path = cgroupPath({ cgroupsPath: spec.linux?.cgroupsPath, id, own });
  const { root } = hierarchy;
  if (!required) {
    const error = canCreateCgroup(native, root, root + path);
    if (error < 0) return { place: undefined, reason: 'denied', path: root + path, error };
  }
  const isLimited = spareCaller && isMemoryLimited(native, root, `${root}${path}/${SUBGROUP}`);
  return { place: { ...hierarchy, path, ...(isLimited ? { joinAfterExec: true } : {}) } };
}

export interface WithoutCgroup {
  spec: Spec;
  /** The limits of the plan. */
  writes: readonly CgroupWrite[];
  privileged: boolean;
  required: boolean;
  warn: (message: string) => void;
  /** Gets what would be a warning if it made a difference. */
  debug: (message: string) => void;
}

/**
 * Says what a container without a cgroup lacks.
 *
 * @throws TsrunError ERR_CGROUP, ERR_PERMISSION where it asks for limits, or must have a cgroup
 */
export function checkWithoutCgroup(
  native: Native,
  found: Extract<CgroupPlace, { place: undefined }>,
  request: WithoutCgroup,
): void {
  const limit = request.writes.find(({ isDefault }) => isDefault !== true);
  switch (found.reason) {
    case 'unwanted':
      if (limit !== undefined) {
        throw cannotSet(limit, 'the container is to have no cgroup of its own');
      }
      warnOfPath(request);
      break;
    case 'no hierarchy': {
      const reason = 'no cgroup v2 hierarchy is mounted';
      if (limit !== undefined) {
        throw cannotSet(limit, `${reason}; ${notInV2(native, controllerOf(limit.file))}`);
      }
      if (request.required) {
        throw new TsrunError('ERR_CGROUP', `cannot create a cgroup: ${reason}`);
      }
      request.warn(`${reason}; the container stays in the cgroup of its caller`);
      break;
    }
    case 'denied': {
      const error = cannotCreateCgroup(native, found.path, found.error, limit?.pointer);
      if (limit !== undefined) throw error;
      // No limit was asked for, and each step of an image's build would say so.
      const warning = `${error.message}; the container stays in the cgroup of its caller`;
      (request.privileged ? request.warn : request.debug)(warning);
      break;
    }
  }
  warnOfDevices(request);
}

function warnOfPath({ spec, warn }: WithoutCgroup): void {
  const path = spec.linux?.cgroupsPath;
  if (path === undefined || path === '') return;
  warn('/linux/cgroupsPath: it is not used: the container has no cgroup of its own');
}

function warnOfDevices({ spec, privileged, warn, debug }: WithoutCgroup): void {
  if ((spec.linux?.resources?.devices ?? []).length === 0) return;
  const message =
    '/linux/resources/devices: the rules are not in force: the container has no cgroup of its own';
  // What every container of an unprivileged caller lacks is worth a warning only where it matters.
  (privileged || rulesMissed(spec) ? warn : debug)(message);
}

function cannotSet({ pointer, file }: CgroupWrite, reason: string): TsrunError {
  return new TsrunError('ERR_CGROUP', `${pointer}: cannot set ${file}: ${reason}`, { pointer });
}
