/** The process object: what `create` and `exec` have in common. */

import { KEEP_GROUPS } from '../annotations.js';
import { planKeyringLabel } from '../selinux/selinux.js';
import type { Process } from '../spec/types.js';
import { planAttributes } from './attributes.js';
import type { AttributeContext } from './attributes.js';
import { capabilityMasks } from './capabilities.js';
import { homeDirectory, planEnvironment, searchDirectories } from './environment.js';
import { invalid } from './invalid.js';
import type { PlanFacts } from './plan.js';
import { SyncPoint } from './steps.js';
import type { Step } from './steps.js';

/** What the process object does not say itself. */
export interface ProcessContext extends AttributeContext {
  /** Capabilities that can be granted. */
  grantable: bigint;
  /** The user namespace lets a process set its supplementary groups. */
  setgroups: boolean;
  /** The groups of the caller stay (KEEP_GROUPS). */
  keepGroups: boolean;
  /** Environment of the runtime's own. */
  environment: string[];
  readRootFile: PlanFacts['readRootFile'];
  warnings: string[];
  /** Loads the filter of system calls; empty without one. */
  filter: readonly Step[];
}

export interface ProcessPlan {
  /** Everything that takes privileges. */
  privileged: Step[];
  /** The process becomes what it is to be. */
  identity: Step[];
  /** The program is looked for as the user that is to run it. */
  find: Step;
  /** With noNewPrivileges the filter comes last: as few calls as possible are left. */
  filter: readonly Step[];
  exec: Step & { op: 'exec' };
}

export function planProcess(process: Process, context: ProcessContext): ProcessPlan {
  const { at } = context;
  const noNewPrivileges = process.noNewPrivileges === true;
  const file = process.args?.[0];
  if (process.args === undefined || file === undefined) {
    throw invalid(`${at}/args`, 'must name a program');
  }
  const uid = process.user?.uid ?? 0;
  const env = planEnvironment(process.env ?? [], `${at}/env`, context.environment, () =>
    homeDirectory(context.readRootFile('/etc/passwd'), uid),
  );
  return {
    privileged: [
      { op: 'stdio-owner', at: `${at}/user`, uid },
      // Before the change of user, who may not raise limits.
      ...planAttributes(process, context),
    ],
    identity: [
      // First with the rights of the container's root, which may reach what the user may not; what
      // only the user may reach (a volume of its own) is tried again after.
      { op: 'cwd', at: `${at}/cwd`, path: process.cwd, late: false },
      ...(noNewPrivileges
        ? [{ op: 'no-new-privileges', at: `${at}/noNewPrivileges` } satisfies Step]
        : []),
      // Without noNewPrivileges the kernel asks for CAP_SYS_ADMIN (seccomp(2)), which goes next.
      ...(noNewPrivileges ? [] : context.filter),
      planCredentials(process, context),
      { op: 'cwd', at: `${at}/cwd`, path: process.cwd, late: true },
    ],
    find: { op: 'find', at: `${at}/args/0`, file, directories: searchDirectories(env) },
    filter: noNewPrivileges ? context.filter : [],
    exec: { op: 'exec', at: `${at}/args/0`, args: process.args, env },
  };
}

function planCredentials(process: Process, context: ProcessContext): Step {
  const { at, keepGroups } = context;
  const setgroups = context.setgroups && !keepGroups;
  const asked = process.user?.additionalGids ?? [];
  const groups = keepGroups ? [] : asked;
  if (asked.length > groups.length) {
    context.warnings.push(
      `${at}/user/additionalGids: left out, since annotation ${KEEP_GROUPS} keeps those of the caller`,
    );
  }
  if (!setgroups && groups.length > 0) {
    throw invalid(
      `${at}/user/additionalGids`,
      'cannot be set: the user namespace does not allow setgroups(2)',
    );
  }
  return {
    op: 'credentials',
    at: `${at}/user`,
    uid: process.user?.uid ?? 0,
    gid: process.user?.gid ?? 0,
    groups,
    setGroups: setgroups,
    ...capabilityMasks(
      process.capabilities,
      context.grantable,
      `${at}/capabilities`,
      context.warnings,
    ),
  };
}

/**
 * 0 leaves the size of a new pseudoterminal alone.
 *
 * @param foreground the runtime copies what is printed to its standard output, which may be a file:
 *     a carriage return is added by the caller's terminal, if there is one
 */
export function planConsole(
  process: Process,
  at: string,
  mountConsole: boolean,
  foreground: boolean,
): Step[] {
  if (process.terminal !== true) return [];
  return [
    {
      op: 'console',
      at: `${at}/terminal`,
      columns: process.consoleSize?.width ?? 0,
      rows: process.consoleSize?.height ?? 0,
      uid: process.user?.uid ?? 0,
      mountConsole,
      bareNewlines: foreground,
    },
  ];
}

/** The session keyring that all processes of a container share, with the label of the process. */
export function planKeyring(
  name: string | undefined,
  label: string | undefined,
  at: string,
): Step[] {
  if (name === undefined) return [];
  return [...planKeyringLabel(label, at), { op: 'keyring', at: '', name }];
}

/** The parent writes it: the process may not lower it. */
export function planOomScoreAdj({ oomScoreAdj }: Process): Step[] {
  return oomScoreAdj === undefined ? [] : [syncStep('oomScoreAdj')];
}

export function syncStep(point: keyof typeof SyncPoint): Step {
  return { op: 'sync', at: '', point: SyncPoint[point] };
}
