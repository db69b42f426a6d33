/** `exec`: a further process in a container. */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import { apparmorFile } from '../apparmor/apparmor.js';
import { planExec, withDefaults } from '../plan/exec.js';
import type { ContainerPlan } from '../plan/plan.js';
import { SyncPoint } from '../plan/steps.js';
import { readEntry } from '../seccomp/cache.js';
import { checked } from '../seccomp/filter.js';
import { lateCalls } from '../seccomp/late-calls.js';
import { keepsGroups } from '../plan/user-namespace.js';
import { checkLabel } from '../selinux/selinux.js';
import { parseJson } from '../spec/json.js';
import { requireProcess } from '../spec/load.js';
import type { Process } from '../spec/types.js';
import { lockContainer } from '../state/lock.js';
import { SECCOMP_FILE, statePath } from '../state/paths.js';
import type { StateRoot } from '../state/root.js';
import { statusOf } from '../state/status.js';
import type { Status } from '../state/status.js';
import { inContainer, loadState, readLater, stateError } from '../state/store.js';
import type { ContainerState, LaterState } from '../state/state.js';
import { mayClearGroups, readCaller } from './caller.js';
import { canBeBornIn, findExecCgroup, moveForExec } from './exec-cgroup.js';
import { hookState } from './hook-state.js';
import { notRunning, openInit } from './init-process.js';
import { openInputs } from './inputs.js';
import { connectSockets, launch } from './launch.js';
import type { LaunchOptions, Launched } from './launch.js';
import { sendListener } from './listener.js';
import { readRootFileOf } from './root-file.js';
import type { ContainerName } from './state.js';
import { OpenFds } from './undo.js';

export interface ExecOptions extends ContainerName, LaunchOptions {
  /** A valid process (requireProcess). What it leaves out of capabilities and limits is the container's. */
  process: Process;
  /** The caller takes the terminal's master side (Launched.terminal). */
  keepTerminal?: boolean;
  /** Exec in a paused container: the process waits until it is resumed. */
  ignorePaused?: boolean;
  /** Path of a cgroup below the container's. */
  cgroup?: string;
  /** As with create. */
  turn?: () => Promise<void>;
}

/**
 * The container's own process object, the defaults of exec.
 *
 * @throws TsrunError ERR_NOT_FOUND, ERR_STATE
 */
export function loadProcess(native: Native, { root, id }: ContainerName): Process {
  loadState(native, root, id);
  return readProcess(native, root, id);
}

function readProcess(native: Native, root: StateRoot, id: string): Process {
  return processOf(readForExec(native, root, id), id);
}

function readForExec(native: Native, root: StateRoot, id: string): LaterState {
  // Its size is bounded, and it may have an entry of config.json twice.
  return readLater(native, root, id, (text) => parseJson(text, { maxValues: Infinity }));
}

function processOf({ process }: LaterState, id: string): Process {
  return requireProcess(process, `the process of container "${id}"`);
}

/**
 * Resolves when the program runs.
 *
 * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING, ERR_WRONG_STATE for a
 *   container that cannot take one now; ERR_EXEC when the program cannot be run
 */
export async function exec(native: Native, options: ExecOptions): Promise<Launched> {
  const { root, id } = options;
  const lock = await lockContainer(native, root, id, 'shared');
  const fds = new OpenFds((fd) => native.close(fd));
  try {
    const state = loadState(native, root, id);
    checkStatus(id, statusOf(native, root, state), options.ignorePaused === true);
    checkTerminal(options);
    const init = openInit(native, state);
    if (init === undefined) throw notRunning('exec in', id);
    fds.add(init);
    return await run(native, options, state, init, fds);
  } finally {
    fds.closeAll();
    lock.release();
  }
}

function checkStatus(id: string, status: Status, ignorePaused: boolean): void {
  if (status === 'stopped') throw notRunning('exec in', id);
  if (status === 'creating') {
    throw new TsrunError(
      'ERR_WRONG_STATE',
      `cannot exec in container "${id}": it is still being created`,
    );
  }
  if (status === 'paused' && !ignorePaused) {
    throw new TsrunError(
      'ERR_WRONG_STATE',
      `cannot exec in container "${id}": it is paused (--ignore-paused waits until it is resumed)`,
    );
  }
}

function checkTerminal({ process, consoleSocket, keepTerminal }: ExecOptions): void {
  const terminal = process.terminal === true;
  if (terminal && consoleSocket === undefined && keepTerminal !== true) {
    throw new TsrunError(
      'ERR_CONSOLE',
      'cannot allocate a terminal without a console socket when the process is detached',
    );
  }
  if (!terminal && consoleSocket !== undefined) {
    throw new TsrunError('ERR_CONSOLE', 'cannot use a console socket without a terminal');
  }
}

async function run(
  native: Native,
  options: ExecOptions,
  state: ContainerState,
  init: number,
  fds: OpenFds,
): Promise<Launched> {
  const later = readForExec(native, options.root, state.id);
  const own = processOf(later, state.id);
  const caller = readCaller(native, options.process, own);
  const { apparmorProfile, selinuxLabel } = withDefaults(options.process, own);
  const processLabel = checkLabel(native, selinuxLabel, '/selinuxLabel');
  const apparmor = apparmorFile(native, apparmorProfile, '');
  const cgroup = findExecCgroup(native, state, fds, options.cgroup);
  await options.turn?.();
  const plan = planExec(
    options.process,
    {
      id: state.id,
      namespaces: state.namespaces,
      rootfs: state.rootfs,
      keyring: state.keyring,
      identity: later.identity,
      keepGroups: keepsGroups(state.annotations),
      root: state.setup,
      process: own,
      personality: later.personality,
      ...(state.seccomp === undefined ? {} : { filter: state.seccomp }),
    },
    {
      effective: caller.effective,
      bounding: caller.bounding,
      lastCapability: caller.lastCapability,
      mayClearGroups: mayClearGroups(native, caller),
      foreground: options.keepTerminal === true,
      cgroupJoin: () =>
        cgroup === undefined || canBeBornIn(native, state, caller, cgroup) ? 'clone' : 'sync',
      ...(apparmor === undefined ? {} : { apparmor }),
      ...(processLabel === undefined ? {} : { processLabel }),
      // Through the process's own root: what is mounted over the root file system counts too.
      readRootFile: (path) => readRootFileOf(native, state.pid, init, path),
    },
  );
  for (const warning of plan.warnings) options.warn(warning);
  const sockets = connectSockets(native, options, fds);
  const inputs = await openInputs(
    native,
    plan.inputs,
    {
      caller: { ...caller, path: undefined },
      container: init,
      ...(state.seccomp === undefined ? {} : { seccomp: readFilter(native, options, plan) }),
    },
    fds,
  );
  return launch(native, options, {
    ...{ plan, at: '', inputs, sockets, gated: false },
    cgroupFd: cgroup !== undefined && plan.cgroupJoin === 'clone' ? cgroup.fd : -1,
    sync: {
      [SyncPoint.cgroup]: async ({ pid }) => {
        if (cgroup !== undefined) await moveForExec(native, state, cgroup, pid);
      },
    },
    listener: (fd, { pid }) =>
      sendListener(native, state, fd, { pid, state: hookState(state, 'running') }),
  });
}

/** The program that `create` made, which may not keep this process from starting. */
function readFilter(native: Native, { root, id }: ContainerName, plan: ContainerPlan): Uint8Array {
  const program = inContainer(native, root, id, (directory) =>
    readEntry(native, directory, SECCOMP_FILE),
  );
  if (typeof program === 'number') {
    throw stateError(native, 'cannot read', statePath(root, id, SECCOMP_FILE), program);
  }
  return checked(native, program, lateCalls(plan.steps));
}
