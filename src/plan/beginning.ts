/**
 * What has to be known to start the first process of a container, and to make the cgroup that it is
 * born in: the part of a plan that does not depend on its other steps.
 */

import { CLONE_NEWCGROUP } from '../native/constants.js';
import { compileLimits, hasLimits } from '../cgroups/limits/compile.js';
import { isSmall } from '../cgroups/limits/memory.js';
import type { CgroupWrite } from '../cgroups/limits/write.js';
import { namespacePlaces } from '../namespaces/namespaces.js';
import type { Places } from '../namespaces/namespaces.js';
import { planStages } from '../namespaces/stages.js';
import type { Stages } from '../namespaces/stages.js';
import type { Spec } from '../spec/types.js';
import { ownsLimits } from './limits-owner.js';
import { cgroupContext, isCgroupMount, showsLimits } from './mounts/cgroup.js';
import { parseMountOptions } from './mounts/options.js';
import type { ContainerPlan, PlanFacts } from './plan.js';
import { isPrivileged } from './user-namespace.js';

export interface Beginning extends Pick<
  ContainerPlan,
  'cloneFlags' | 'earlyNamespaces' | 'cgroupWrites' | 'cgroupJoin' | 'cgroupSubgroup'
> {
  places: Places;
  stages: Stages;
  /** CLONE_NEWCGROUP where the process enters its cgroup when all other namespaces are there. */
  late: number | undefined;
  /** The process waits to be moved into its cgroup before it does anything. */
  joinsFirst: boolean;
  /** The process has to be undumpable before the parent writes its files in /proc. */
  writesToUndumpable: boolean;
  warnings: string[];
}

/**
 * @throws TsrunError ERR_CONFIG_INVALID or ERR_UNSUPPORTED, with the pointer of the field
 */
export function planBeginning(spec: Spec, facts: PlanFacts): Beginning {
  const places = namespacePlaces(spec.linux?.namespaces ?? [], facts.ownNamespaces);
  const warnings: string[] = [];
  const cgroupWrites = planLimits(spec, warnings);
  const stages = planStages(places, isPrivileged(facts), facts.uid === 0);
  // The root of a cgroup namespace is the cgroup in which it is made.
  const late =
    isSmall(cgroupWrites) && canEnterLate(facts) ? stages.unshare & CLONE_NEWCGROUP : undefined;
  const { manager, joinAfterExec } = facts.cgroup ?? {};
  const joinsFirst = late === undefined && (manager === 'systemd' || joinAfterExec === true);
  // The files in /proc of a process that nobody may look into are root's (proc(5)).
  const writesToUndumpable = places.user === 'own' && facts.uid === 0;
  const waits = joinsFirst || (!writesToUndumpable && spec.process?.oomScoreAdj !== undefined);
  const [first, second] = stages.enter;
  const isFirst = !waits && first?.op === 'undumpable' && second === undefined;
  return {
    cloneFlags: stages.cloneFlags,
    earlyNamespaces: isFirst ? stages.unshare & ~(late ?? 0) : 0,
    ...(cgroupWrites.length === 0 ? {} : { cgroupWrites }),
    cgroupJoin: joinsFirst || late !== undefined ? 'sync' : 'clone',
    ...(needsSubgroup(spec, places, facts) ? { cgroupSubgroup: true } : {}),
    ...{ places, stages, late, joinsFirst, writesToUndumpable, warnings },
  };
}

function planLimits({ linux, ociVersion }: Spec, warnings: string[]): CgroupWrite[] {
  const resources = linux?.resources;
  if (!hasLimits(resources)) return [];
  const limits = compileLimits(resources, { at: '/linux/resources', ociVersion });
  warnings.push(...limits.warnings);
  return limits.writes;
}

/** A user's systemd takes into a unit only processes with the uid of who asks it. */
function canEnterLate({ cgroup, effective, initialUserNamespace }: PlanFacts): boolean {
  return cgroup?.manager !== 'systemd' || (initialUserNamespace && isPrivileged({ effective }));
}

/**
 * What is protected in a mount are the files that are there when it is made. With a controller that
 * is switched on later come others, which the root of the cgroup namespace is not to have.
 */
function needsSubgroup(spec: Spec, places: Places, facts: PlanFacts): boolean {
  if (facts.cgroup === undefined) return false;
  if (places.cgroup === 'new' && mountsLimits(spec, places, facts)) return true;
  return ownsLimits(places, facts, spec.linux?.uidMappings ?? []) && !facts.hasNsdelegate();
}

/** Whether a mount gets the step `protect-limits`. */
function mountsLimits(spec: Spec, places: Places, facts: PlanFacts): boolean {
  const context = cgroupContext(spec, places, facts);
  return (spec.mounts ?? []).some((mount) => {
    if (!isCgroupMount(mount)) return false;
    const options = parseMountOptions(mount.options ?? []);
    return !options.bind && !options.remount && showsLimits(context, options);
  });
}
