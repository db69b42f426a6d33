/** From a valid spec to a checked plan, for `create`, `run`, `plan` and the library alike. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { planBeginning } from '../plan/beginning.js';
import type { Beginning } from '../plan/beginning.js';
import { planContainer } from '../plan/container.js';
import type { ContainerPlan, PlanFacts } from '../plan/plan.js';
import { requireCreatable } from '../spec/create-demands.js';
import type { Spec } from '../spec/types.js';
import { validateId } from '../state/id.js';
import { NOTIFY_DIRECTORY, statePath } from '../state/paths.js';
import { requireOwnProcfs } from '../state/proc-stat.js';
import type { StateRoot } from '../state/root.js';
import { openRootfs } from './bundle.js';
import type { Rootfs } from './bundle.js';
import { isPrivileged, readCaller, requireNamespaceRights } from './caller.js';
import type { Caller } from './caller.js';
import { checkWithoutCgroup, findCgroupPlace } from './cgroup-place.js';
import { gatherFacts } from './facts.js';
import { newKeyringName, plannedKeyringName } from './keyring.js';
import { checkSysctls, openNamespaceFiles } from './namespaces-own.js';
import type { NamespaceFiles } from './namespaces-own.js';
import type { NewScope } from './scope.js';
import type { OpenFds } from './undo.js';

export interface PrepareOptions {
  /** Directory of the states of all containers. */
  root: StateRoot;
  id: string;
  /** Absolute path of the bundle directory. */
  bundle: string;
  /** A valid spec (loadBundle, requireSpec). */
  spec: Spec;
  /** Unix socket that gets the terminal's master side. */
  consoleSocket?: string;
  /** The caller takes the terminal's master side (Created.terminal). */
  keepTerminal?: boolean;
  /** How many of the preserved descriptors belong to LISTEN_FDS. */
  listenFds?: number;
  noPivot?: boolean;
  /** The whole hierarchy of cgroups of the host is never mounted for writing. */
  protectHostCgroups?: boolean;
  noNewKeyring?: boolean;
  /** The container gets a NOTIFY_SOCKET, which `start` relays. */
  notify?: boolean;
  /** `--rootless`: true lets the container be without a cgroup whoever the caller is; default by privilege. */
  rootless?: boolean;
  /** The container gets a scope of systemd's; the socket of the bus of the caller's own systemd, for rootless. */
  systemdCgroup?: { userBus: string };
  /** The container stays in the cgroup of the caller. */
  noCgroup?: boolean;
  /**
   * The caller is a program with memory of its own, which must not count in the cgroup for a moment
   * where there may be none left: the kernel would end the program. To enter it late costs the
   * kernel some milliseconds.
   */
  spareCaller?: boolean;
  /** Gets reasons that matter only when something is looked for. */
  debug?: (message: string) => void;
}

/** What is known before there is a plan. */
export interface Outline {
  caller: Caller;
  rootfs: Rootfs;
  namespaces: NamespaceFiles;
  /** Where the container's cgroup is to be; undefined where it stays in its caller's. */
  cgroup: PlanFacts['cgroup'];
  /** The unit that systemd is to make; its bus is the caller's to close. */
  scope: NewScope | undefined;
  /** Name of the session keyring; undefined where the process keeps that of the caller. */
  keyring: string | undefined;
  facts: PlanFacts;
  beginning: Beginning;
}

export interface Prepared extends Outline {
  /** Final: nothing is added to it, and nothing taken away. */
  plan: ContainerPlan;
}

/**
 * Changes nothing, and nothing is going to be made of the plan: what would be random in it is not, and
 * nobody has to take the terminal.
 *
 * @param fds owns the descriptors of what is prepared
 * @throws TsrunError for everything that can be known to be wrong before anything is made
 */
export async function prepare(
  native: Native,
  options: PrepareOptions,
  fds: OpenFds,
): Promise<ContainerPlan> {
  const outline = await outlineOf(native, options, fds, true);
  try {
    return complete(options, outline).plan;
  } finally {
    outline.scope?.bus.close();
  }
}

/** @throws TsrunError ERR_CONFIG_INVALID, ERR_UNSUPPORTED */
export function complete({ spec }: PrepareOptions, outline: Outline): Prepared {
  return { ...outline, plan: planContainer(spec, outline.facts, outline.beginning) };
}

/**
 * Changes nothing.
 *
 * @param fds owns the descriptors of what is prepared
 * @param isDry nothing is going to be made of it
 * @throws TsrunError for everything that can be known to be wrong without the steps
 */
export async function outlineOf(
  native: Native,
  options: PrepareOptions,
  fds: OpenFds,
  isDry: boolean,
): Promise<Outline> {
  const { id, bundle, spec } = options;
  validateId(id);
  // The new process is identified by its files in /proc, and set up through them.
  requireOwnProcfs(native);
  requireCreatable(spec);
  if (!isDry) checkTerminal(options);
  const caller = readCaller(native, spec.process);
  requireNamespaceRights(native, spec, caller);
  const rootfs = openRootfs(native, bundle, spec);
  fds.add(rootfs.fd);
  const namespaces = openNamespaceFiles(native, spec, fds);
  const keyring = keyringName(native, options, isDry);
  const scope = await findScope(native, options, caller);
  try {
    const required = isPrivileged(caller) && options.rootless !== true;
    const found = findCgroupPlace(native, {
      ...{ id, spec, required, scope: scope?.place },
      noCgroup: options.noCgroup === true,
      spareCaller: options.spareCaller === true,
    });
    const facts = gatherFacts(
      native,
      { ...options, rootfs, namespaces, keyring, cgroup: found.place, ...notifyDirectory(options) },
      caller,
    );
    checkSysctls(spec, facts.ownNamespaces);
    const beginning = planBeginning(spec, facts);
    const writes = beginning.cgroupWrites ?? [];
    scope?.prepare(writes);
    if (found.place === undefined) {
      checkWithoutCgroup(native, found, {
        ...{ spec, writes, required, privileged: isPrivileged(caller) },
        warn: (message) => beginning.warnings.push(message),
        debug: options.debug ?? (() => undefined),
      });
    }
    return { caller, rootfs, namespaces, cgroup: found.place, scope, keyring, facts, beginning };
  } catch (error) {
    scope?.bus.close();
    throw error;
  }
}

function checkTerminal({ spec, consoleSocket, keepTerminal }: PrepareOptions): void {
  const terminal = spec.process?.terminal === true;
  if (terminal && consoleSocket === undefined && keepTerminal !== true) {
    throw new TsrunError(
      'ERR_CONSOLE',
      '/process/terminal: cannot allocate a terminal without a console socket when the container is detached',
      { pointer: '/process/terminal' },
    );
  }
  if (!terminal && consoleSocket !== undefined) {
    throw new TsrunError(
      'ERR_CONSOLE',
      'cannot use a console socket: /process/terminal is not set',
      { pointer: '/process/terminal' },
    );
  }
}

function keyringName(
  native: Native,
  { id, noNewKeyring }: PrepareOptions,
  isDry: boolean,
): string | undefined {
  if (noNewKeyring === true) return undefined;
  return isDry ? plannedKeyringName(id) : newKeyringName(native, id);
}

function notifyDirectory({ root, id, notify }: PrepareOptions): { notifyDirectory?: string } {
  return notify === true ? { notifyDirectory: statePath(root, id, NOTIFY_DIRECTORY) } : {};
}

async function findScope(
  native: Native,
  { root, id, spec, systemdCgroup }: PrepareOptions,
  caller: Caller,
): Promise<NewScope | undefined> {
  if (systemdCgroup === undefined) return undefined;
  const { NewScope: Scope } = await import('./scope.js');
  return Scope.find(native, { root, id, spec, privileged: isPrivileged(caller), ...systemdCgroup });
}
