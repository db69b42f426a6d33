/** A further process in a running container. */

import { planApparmor } from '../apparmor/apparmor.js';
import { CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER } from '../native/constants.js';
import { planProcessLabel } from '../selinux/selinux.js';
import type { LinuxPersonality, Process } from '../spec/types.js';
import type { NamespaceIdentity } from '../state/state.js';
import { planAffinity } from './affinity.js';
import { grantableCapabilities } from './capabilities.js';
import type { ContainerPlan, PlanFacts } from './plan.js';
import { planConsole, planKeyring, planOomScoreAdj, planProcess, syncStep } from './process.js';
import { planRaisedLimits } from './rlimits.js';
import { planFilter } from './seccomp.js';
import type { FilterLoading } from './seccomp.js';
import { Slots } from './slots.js';
import type { Step } from './steps.js';

/** What is known of the container, from its state. */
export interface ExecTarget {
  id: string;
  /** CLONE_NEW* of the namespaces that are not the runtime's own. */
  namespaces: number;
  /** Absolute path of the root file system on the host. */
  rootfs: string;
  /** Name of its session keyring; none where it has that of its creator. */
  keyring?: string | undefined;
  /** Its user namespace, and what that allows, as they were at create. */
  identity: NamespaceIdentity;
  /** The groups of the caller stay (keepsGroups). */
  keepGroups: boolean;
  /** Ids that set-up ran under: the container's root (setupIds). */
  root: { uid: number; gid: number };
  /** The container's own process: what a process object leaves out comes from here, as in runc. */
  process?: Process;
  /** linux.personality of the container. */
  personality?: LinuxPersonality | undefined;
  /** The container's filter of system calls. */
  filter?: FilterLoading;
}

export type ExecFacts = Pick<
  PlanFacts,
  | 'effective'
  | 'bounding'
  | 'lastCapability'
  | 'readRootFile'
  | 'apparmor'
  | 'processLabel'
  | 'foreground'
> & {
  /** The caller may call setgroups(2). */
  mayClearGroups: boolean;
  /** How the process comes into its cgroup; asked last, since it may change at any time. */
  cgroupJoin(): ContainerPlan['cgroupJoin'];
};

/**
 * @param process a whole process object; pointers in errors are relative to it
 * @throws TsrunError ERR_CONFIG_INVALID
 */
export function planExec(process: Process, target: ExecTarget, facts: ExecFacts): ContainerPlan {
  const warnings: string[] = [];
  const slots = new Slots();
  const container = slots.input({ kind: 'container', at: '' });
  const filter = planFilter(target.filter, slots);
  const whole = withDefaults(process, target.process);
  const affinity = whole.execCPUAffinity;
  const program = planProcess(whole, {
    at: '',
    personality: target.personality,
    hasAffinity: (affinity?.initial ?? '') !== '' || (affinity?.final ?? '') !== '',
    grantable: grantableCapabilities(facts, (target.namespaces & CLONE_NEWUSER) === 0),
    setgroups: target.identity.setgroups,
    keepGroups: target.keepGroups,
    environment: [],
    readRootFile: (path) => facts.readRootFile(path),
    warnings,
    filter: filter.steps,
  });
  const labels = [
    ...planApparmor(whole.apparmorProfile, facts.apparmor, ''),
    ...planProcessLabel(facts.processLabel, ''),
  ];
  const joinsUser = (target.namespaces & CLONE_NEWUSER) !== 0;
  const limits = joinsUser ? planRaisedLimits(program.privileged) : [];
  const dropsGroups = facts.mayClearGroups && !target.keepGroups;
  // After the files of the image, which may take any time to be read.
  const cgroupJoin = facts.cgroupJoin();
  const steps: Step[] = [
    ...(cgroupJoin === 'sync' ? [syncStep('cgroup')] : []),
    ...planOomScoreAdj(whole),
    // Processes of the container get nothing to look at (CVE-2016-9962).
    { op: 'dumpable', at: '', on: false },
    // Where the caller still may: a container can keep whoever has joined it from calling setgroups(2).
    ...(dropsGroups ? [{ op: 'clear-groups', at: '' } satisfies Step] : []),
    ...(limits.length > 0 ? [syncStep('limits')] : []),
    ...planAffinity(affinity?.initial, '/execCPUAffinity/initial'),
    ...enterContainer(target, container, dropsGroups),
    { op: 'session', at: '' },
    ...(labels.length > 0 ? [{ op: 'proc', at: '', private: true } satisfies Step] : []),
    ...planKeyring(target.keyring, facts.processLabel, ''),
    ...planConsole(whole, '', false, facts.foreground === true),
    ...labels,
    { op: 'forget', at: '', keep: filter.slot < 0 ? [] : [filter.slot] },
    ...program.privileged,
    ...planAffinity(affinity?.final, '/execCPUAffinity/final'),
    ...program.identity,
    program.find,
    syncStep('ready'),
    ...program.filter,
    program.exec,
  ];
  return {
    cloneFlags: 0,
    earlyNamespaces: 0,
    inputs: slots.inputs,
    slots: slots.count,
    steps,
    limits,
    cgroupJoin,
    ...(whole.oomScoreAdj === undefined ? {} : { oomScoreAdj: whole.oomScoreAdj }),
    terminal: whole.terminal === true,
    namespaces: target.namespaces,
    setgroups: target.identity.setgroups,
    warnings,
  };
}

function enterContainer(target: ExecTarget, container: number, droppedGroups: boolean): Step[] {
  const { namespaces, identity } = target;
  const { user, joined } = identity;
  const known = joined.flatMap(({ flag, inode, owner }) => [flag, inode, owner]);
  const steps: Step[] = [
    // Without a user namespace of its own too, the container is not for callers in another one.
    { op: 'join', at: '', fd: container, flags: namespaces, user, known },
  ];
  if ((namespaces & CLONE_NEWPID) !== 0) steps.push({ op: 'fork', at: '', flags: 0 });
  if ((namespaces & CLONE_NEWNS) === 0) {
    steps.push({ op: 'chroot', at: '', path: target.rootfs, slot: -1 });
  }
  if ((namespaces & CLONE_NEWUSER) !== 0) {
    steps.push({
      op: 'become',
      at: '',
      ...target.root,
      clearGroups: identity.setgroups && !target.keepGroups && !droppedGroups,
    });
  }
  return steps;
}

/** @internal exported for exec, which looks at the labels before there is a plan */
export function withDefaults(process: Process, container: Process | undefined): Process {
  if (container === undefined) return process;
  const { capabilities, rlimits, scheduler, ioPriority, execCPUAffinity } = container;
  const { apparmorProfile, selinuxLabel, oomScoreAdj } = container;
  return {
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(scheduler === undefined ? {} : { scheduler }),
    ...(ioPriority === undefined ? {} : { ioPriority }),
    ...(execCPUAffinity === undefined ? {} : { execCPUAffinity }),
    ...process,
    ...(process.apparmorProfile || !apparmorProfile ? {} : { apparmorProfile }),
    ...(process.selinuxLabel || !selinuxLabel ? {} : { selinuxLabel }),
    ...(rlimits !== undefined && (process.rlimits ?? []).length === 0 ? { rlimits } : {}),
  };
}
