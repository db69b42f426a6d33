/** The container's cgroup and its device program, and taking them away when create fails. */

import type { Native } from '../native/types.js';
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
  /** The limits (ContainerPlan.cgroupWrites). */
  writes: readonly CgroupWrite[];
  /** Privileged over the machine: device rules must be in force. */
  privileged: boolean;
  callerUid: number;
  /** Its processes get a cgroup below it (ContainerPlan.cgroupSubgroup). */
  subgroup: boolean;
  /** The caller calls setDevices() itself where the cgroup is a fresh one. */
  devicesLater?: boolean;
  warn: (message: string) => void;
  /** Gets what would be a warning if it made a difference. */
  debug: (message: string) => void;
}

/** @throws TsrunError ERR_CGROUP, ERR_PERMISSION; nothing is left behind */
export function makeContainerCgroup(
  native: Native,
  { root, path }: NonNullable<PlanFacts['cgroup']>,
  demand: CgroupDemand,
): Cgroup {
  const { writes } = demand;
  const limit = writes.find(({ isDefault }) => isDefault !== true);
  const cgroup = createCgroup(native, { root, path, limit: limit?.pointer });
  try {
    // Others made the parents that were there, with the controllers that they want. Later limits
    // and statistics need them in those that are new.
    if (cgroup.created.length > 1) enableControllers(native, root, cgroup.record.path);
    // Before the limits, of which one may be the number of cgroups below.
    if (demand.subgroup) {
      makeSubgroup(native, cgroup);
      passControllersOn(native, cgroup, root);
    }
    configureCgroup(native, cgroup, root, demand);
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
export function configureCgroup(
  native: Native,
  cgroup: Cgroup,
  root: string,
  demand: Omit<CgroupDemand, 'subgroup'>,
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
    const program = replacementProgram(rules);
    const replaced = replaceDevices(native, cgroup.fd, program, DEVICES, 'new');
    if ('warning' in replaced) demand.warn(replaced.warning);
    else {
      replaced.close();
      if (replaced.others > 0) {
        demand.warn(
          `${DEVICES}: the device rules that another runtime left in the cgroup apply too`,
        );
      }
    }
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
