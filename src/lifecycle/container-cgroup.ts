/** The container's cgroup and its device program, and taking them away when create fails. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { attachDevices } from '../cgroups/devices/attach.js';
import { rulesMissed } from '../cgroups/devices/missed.js';
import { deviceProgram, replacementProgram } from '../cgroups/devices/program.js';
import { replaceDevices } from '../cgroups/devices/replace.js';
import { deviceRules, deviceRuleWarnings } from '../cgroups/devices/rules.js';
import {
  createCgroup,
  entrance,
  isPopulated,
  isThere,
  killAll,
  removeCgroup,
  undoCreate,
} from '../cgroups/manager.js';
import type { Cgroup } from '../cgroups/manager.js';
import { applyToBoth } from '../cgroups/limits/apply.js';
import { controllersBelow, enableControllers } from '../cgroups/limits/enable.js';
import { notInV2 } from '../cgroups/limits/missing.js';
import { controllerOf } from '../cgroups/limits/write.js';
import type { CgroupWrite } from '../cgroups/limits/write.js';
import { delegateCgroup } from '../cgroups/delegate.js';
import { makeSubgroup } from '../cgroups/subgroup.js';
import { SIGKILL } from '../native/constants.js';
import { hostId } from '../namespaces/id-maps.js';
import type { PlanFacts } from '../plan/plan.js';
import type { Spec } from '../spec/types.js';

const DEVICES = '/linux/resources/devices';

export interface CgroupDemand {
  spec: Spec;
  place: PlanFacts['cgroup'];
  /** None is to be made (`place` is undefined then). */
  unwanted: boolean;
  /** The limits (ContainerPlan.cgroupWrites). */
  writes: readonly CgroupWrite[];
  /** Privileged over the machine: device rules must be in force. */
  privileged: boolean;
  /** The caller must have a cgroup for the container. */
  required: boolean;
  callerUid: number;
  /** Its processes get a cgroup below it (ContainerPlan.cgroupSubgroup). */
  subgroup: boolean;
  /** The caller calls setDevices() itself where the cgroup is a fresh one. */
  devicesLater?: boolean;
  warn: (message: string) => void;
  /** Gets what would be a warning if it made a difference. */
  debug: (message: string) => void;
}

/**
 * @returns undefined when the container has to do without
 * @throws TsrunError ERR_CGROUP, ERR_PERMISSION; nothing is left behind
 */
export function makeContainerCgroup(native: Native, demand: CgroupDemand): Cgroup | undefined {
  const { place, writes, warn } = demand;
  const limit = writes.find(({ isDefault }) => isDefault !== true);
  if (demand.unwanted) {
    if (limit !== undefined) throw noCgroup(limit, 'the container is to have no cgroup of its own');
    warnOfPath(demand);
    warnOfDevices(demand);
    return undefined;
  }
  // One that nothing is in force of is worse than none.
  const required = demand.required || limit !== undefined;
  if (place === undefined) {
    const reason = 'no cgroup v2 hierarchy is mounted';
    if (limit !== undefined) {
      throw noCgroup(limit, `${reason}; ${notInV2(native, controllerOf(limit.file))}`);
    }
    if (required) throw new TsrunError('ERR_CGROUP', `cannot create a cgroup: ${reason}`);
    warn(`${reason}; the container stays in the cgroup of its caller`);
    warnOfDevices(demand);
    return undefined;
  }
  const { root, path } = place;
  const cgroup = createCgroup(native, { root, path, required, limit: limit?.pointer });
  if ('warning' in cgroup) {
    // No limit was asked for, and each step of an image's build would say so.
    (demand.privileged ? warn : demand.debug)(cgroup.warning);
    warnOfDevices(demand);
    return undefined;
  }
  try {
    // Others made the parents that were there, with the controllers that they want. Later limits
    // and statistics need them in those that are new.
    if (cgroup.created.length > 1) enableControllers(native, place.root, cgroup.record.path);
    // Before the limits, of which one may be the number of cgroups below.
    if (demand.subgroup) {
      makeSubgroup(native, cgroup);
      passControllersOn(native, cgroup, place.root);
    }
    furnishCgroup(native, cgroup, place.root, demand);
  } catch (error) {
    undoCreate(native, cgroup);
    throw error;
  }
  return cgroup;
}

/** What the container may use of them is what it has. */
export function passControllersOn(native: Native, cgroup: Cgroup, root: string): void {
  const { record } = cgroup;
  const passedOn = (): string[] => (isFresh(cgroup) ? [] : controllersBelow(native, record.path));
  const before = passedOn();
  enableControllers(native, root, entrance(record).path);
  cgroup.passedOn = passedOn().filter((name) => !before.includes(name));
}

/**
 * Puts into force what the configuration asks for in a cgroup that is there.
 *
 * @param root mount point of the hierarchy
 * @throws TsrunError ERR_CGROUP, ERR_PERMISSION
 */
export function furnishCgroup(
  native: Native,
  cgroup: Cgroup,
  root: string,
  demand: Omit<CgroupDemand, 'place' | 'required' | 'unwanted' | 'subgroup'>,
): void {
  const fresh = isFresh(cgroup);
  applyToBoth(native, { root, record: cgroup.record, fresh }, demand.writes);
  if (!fresh || demand.devicesLater !== true) setDevices(native, cgroup, demand);
  delegate(native, cgroup, root, demand);
}

/** Ends what is in it, and removes it with everything that was made for it. */
export async function removeContainerCgroup(native: Native, cgroup: Cgroup): Promise<void> {
  const { record } = cgroup;
  try {
    if (!isThere(native, record)) return;
    if (isPopulated(native, record)) await killAll(native, record, SIGKILL);
    // One that was there before is not ours to remove, but what we put into it is.
    const ours = [record, entrance(record)].find(({ path }) => cgroup.created.includes(path));
    if (ours !== undefined) await removeCgroup(native, ours);
  } finally {
    undoCreate(native, {
      ...cgroup,
      created: cgroup.created.filter((made) => made.length < record.path.length),
    });
  }
}

/** One that nothing has been in before. */
export function isFresh({ record, created }: Cgroup): boolean {
  return record.manager === 'systemd' || created.includes(record.path);
}

/**
 * Puts the rules for devices into force.
 *
 * @throws TsrunError ERR_CGROUP
 */
export function setDevices(
  native: Native,
  cgroup: Cgroup,
  demand: Pick<CgroupDemand, 'spec' | 'privileged' | 'warn' | 'debug'>,
): void {
  const entries = demand.spec.linux?.resources?.devices ?? [];
  for (const warning of deviceRuleWarnings(entries)) demand.warn(warning);
  const rules = deviceRules(entries);
  if (!isFresh(cgroup) && demand.privileged) {
    // An earlier container's rules are not to apply to this one.
    const replaced = replaceDevices(native, cgroup.fd, replacementProgram(rules), DEVICES);
    if ('warning' in replaced) demand.warn(replaced.warning);
    else replaced.close();
    return;
  }
  const program = deviceProgram(rules);
  if (program === undefined) return;
  const warning = attachDevices(native, cgroup.fd, program, demand.privileged);
  if (warning !== undefined) sayNotInForce(demand, warning);
}

/** To somebody who misses the rules; what every container without privileges lacks is no news. */
function sayNotInForce(
  { spec, privileged, warn, debug }: Pick<CgroupDemand, 'spec' | 'privileged' | 'warn' | 'debug'>,
  message: string,
): void {
  if (privileged || rulesMissed(spec)) warn(message);
  else debug(message);
}

function warnOfPath({ spec, warn }: CgroupDemand): void {
  const path = spec.linux?.cgroupsPath;
  if (path === undefined || path === '') return;
  warn('/linux/cgroupsPath: it is not used: the container has no cgroup of its own');
}

function warnOfDevices(demand: CgroupDemand): void {
  if ((demand.spec.linux?.resources?.devices ?? []).length === 0) return;
  sayNotInForce(
    demand,
    '/linux/resources/devices: the rules are not in force: the container has no cgroup of its own',
  );
}

function noCgroup({ pointer, file }: CgroupWrite, reason: string): TsrunError {
  return new TsrunError('ERR_CGROUP', `${pointer}: cannot set ${file}: ${reason}`, { pointer });
}

/**
 * config-linux.md, "Cgroup ownership": with a new cgroup namespace and the
 * cgroup mounted for writing, it belongs to the container's user.
 */
function delegate(
  native: Native,
  cgroup: Cgroup,
  root: string,
  { spec, callerUid, debug }: Pick<CgroupDemand, 'spec' | 'callerUid' | 'debug'>,
): void {
  const namespaces = spec.linux?.namespaces ?? [];
  const isNew = namespaces.some(
    ({ type, path }) => type === 'cgroup' && (path === undefined || path === ''),
  );
  const mount = [...(spec.mounts ?? [])].reverse().find(({ type }) => type === 'cgroup');
  if (!isNew || mount === undefined || mount.options?.includes('ro') === true) return;
  // An init system in there passes on what it is given.
  if (cgroup.created.length <= 1) enableControllers(native, root, entrance(cgroup.record).path);
  const mappings = spec.linux?.uidMappings ?? [];
  if (mappings.length === 0 && namespaces.some(({ type }) => type === 'user')) {
    // Of a namespace that is joined: its numbers are those of other users here.
    debug(
      'the cgroup is not given to the user of the container: /linux/uidMappings does not say who that is',
    );
    return;
  }
  const inside = spec.process?.user?.uid ?? 0;
  const uid = mappings.length === 0 ? inside : hostId(mappings, inside);
  if (uid !== undefined && uid !== callerUid) delegateCgroup(native, entrance(cgroup.record), uid);
}
