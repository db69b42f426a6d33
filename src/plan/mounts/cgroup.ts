/** Mounts of type cgroup: what the container sees of the cgroup v2 hierarchy. */

import { MOUNT_ATTR_RDONLY } from '../../native/constants.js';
import type { Places } from '../../namespaces/namespaces.js';
import { ownsLimits } from '../limits-owner.js';
import type { Mount, Spec } from '../../spec/types.js';
import type { IdMapping, PlanFacts } from '../plan.js';
import type { MountOptions } from './options.js';

/** What decides whose cgroups the container may write to. */
export interface CgroupContext {
  places: Places;
  facts: PlanFacts;
  /** linux.uidMappings */
  uidMappings: readonly IdMapping[];
  /** process.capabilities.bounding */
  bounding: readonly string[];
  /** Capabilities that a process can come to have: with process.noNewPrivileges no more than the permitted ones. */
  attainable: readonly string[];
}

export function cgroupContext(
  { process, linux }: Spec,
  places: Places,
  facts: PlanFacts,
): CgroupContext {
  const { bounding = [], permitted = [] } = process?.capabilities ?? {};
  return {
    ...{ facts, places, bounding },
    uidMappings: linux?.uidMappings ?? [],
    attainable: process?.noNewPrivileges === true ? permitted : bounding,
  };
}

/** By its type, whatever its options say. */
export function isCgroupMount({ type }: Mount): boolean {
  return type === 'cgroup' || type === 'cgroup2';
}

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
 * namespace of its own it gets a view that is read-only. So does the host's
 * root in a namespace that is joined, if its limits are to bind it.
 *
 * @returns why, when that changed anything
 */
export function protectCgroups(
  context: CgroupContext,
  { attributes, recursiveAttributes }: MountOptions,
): string | undefined {
  const reason = whyReadOnly(context);
  if (reason === undefined) return undefined;
  recursiveAttributes.set |= MOUNT_ATTR_RDONLY;
  recursiveAttributes.clear &= ~MOUNT_ATTR_RDONLY;
  attributes.clear &= ~MOUNT_ATTR_RDONLY;
  return (attributes.set & MOUNT_ATTR_RDONLY) === 0 ? reason : undefined;
}

/** Why the container may write to none of it. */
function whyReadOnly(context: CgroupContext): string | undefined {
  return isOfHost(context) ? exposureToRoot(context) : exposure(context);
}

function exposure({ places, facts, uidMappings }: CgroupContext): string | undefined {
  if (places.cgroup === 'own') return 'the container has no cgroup namespace';
  // Its root may be any cgroup: one that has the container's and others below it.
  if (places.cgroup === 'joined' && ownsLimits(places, facts, uidMappings)) {
    return JOINED;
  }
  return undefined;
}

const JOINED =
  'a cgroup namespace that is joined keeps the container from none of the limits in it';

/**
 * The root of a cgroup namespace of our own can be put below the cgroup with the limits, that of one
 * that is joined is where it is: files that appear there with a controller later would be writable.
 */
function exposureToRoot(context: CgroupContext): string | undefined {
  return context.places.cgroup === 'joined' && couldWriteLimits(context) ? JOINED : undefined;
}

/**
 * Whether it shows the files of the limits to somebody who could write to them, and must not.
 * That is the host's root too, unless it is trusted with all that the host has mounted.
 */
export function showsLimits(
  context: CgroupContext,
  { attributes, recursiveAttributes }: MountOptions,
): boolean {
  if (((attributes.set | recursiveAttributes.set) & MOUNT_ATTR_RDONLY) !== 0) return false;
  return couldWriteLimits(context);
}

function couldWriteLimits(context: CgroupContext): boolean {
  const { places, facts, uidMappings, bounding } = context;
  const could = isOfHost(context)
    ? !bounding.includes('CAP_SYS_ADMIN')
    : ownsLimits(places, facts, uidMappings);
  return could && !facts.hasNsdelegate();
}

/**
 * Why a mount of cgroups stays read-only when a later entry asks to write to it. The rules are those
 * for a mount that asked for it from the beginning.
 */
export function staysReadOnly(context: CgroupContext): string | undefined {
  const { places, facts } = context;
  const reason = whyReadOnly(context);
  if (reason !== undefined) return reason;
  if (places.cgroup === 'own') {
    if (facts.cgroup === undefined || mayWriteAll(context)) return undefined;
    return "only the container's own part of it can be writable";
  }
  return couldWriteLimits(context) ? "it shows the container's limits" : undefined;
}

/**
 * A container with CAP_SYS_ADMIN and no user namespace can mount the hierarchy for writing in any
 * case, and may make containers itself. A read-only mount only guards against accidents there: a
 * caller can ask for it.
 */
function mayWriteAll(context: CgroupContext): boolean {
  if (!isOfHost(context) || context.facts.protectHostCgroups === true) return false;
  return [context.bounding, context.attainable].every((set) => set.includes('CAP_SYS_ADMIN'));
}

/** Its root is the host's. */
function isOfHost({ places, facts }: CgroupContext): boolean {
  return places.user === 'own' && facts.initialUserNamespace;
}

/**
 * Where the whole hierarchy of the host is shown, only the container's own
 * part of it may be writable, unless the container could mount it for writing.
 *
 * @returns that part's path, when the mount is to be writable at all
 */
export function ownCgroup(
  view: CgroupView,
  context: CgroupContext,
  options: MountOptions,
): string | undefined {
  const { places, facts } = context;
  const wholeTree = view.kind === 'tree' && places.cgroup === 'own' && facts.cgroup !== undefined;
  const readOnly =
    ((options.attributes.set | options.recursiveAttributes.set) & MOUNT_ATTR_RDONLY) !== 0;
  return wholeTree && !readOnly && !mayWriteAll(context) ? facts.cgroup?.path : undefined;
}
