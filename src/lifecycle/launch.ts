/**
 * Starts the process of a plan, and answers it until it waits at its gate or runs its program: what
 * create and exec have in common.
 */

import type { Native, SpawnRequest, Spawned } from '../native/types.js';
import type { ContainerPlan } from '../plan/plan.js';
import { SyncPoint } from '../plan/steps.js';
import type { Step, SyncPointValue } from '../plan/steps.js';
import { killAndReap } from './child.js';
import { connectSocket, sendDescriptor } from './console-socket.js';
import { execute, requireAlive } from './execute.js';
import type { Child, Handlers } from './execute.js';
import { raiseLimits, setOomScoreAdj } from './limits.js';
import { writePidFile } from './pid-file.js';
import type { OpenFds } from './undo.js';

export interface LaunchOptions {
  /** Descriptors that become 0, 1 and 2 of the process; -1 stands for /dev/null. */
  stdio: readonly [number, number, number];
  /** Descriptors that become 3, 4, ... of the process, those of LISTEN_FDS first. */
  preserve?: readonly number[];
  /** Unix socket that gets the terminal's master side; without one the caller gets it. */
  consoleSocket?: string;
  pidFile?: string;
  /** Unix socket that gets a pidfd of the process. */
  pidfdSocket?: string;
  /** Called with the steps and the monotonic time in nanoseconds at which each was done. */
  trace?: (steps: readonly Step[], times: readonly number[]) => void;
  warn: (message: string) => void;
}

/** Sockets of the caller's, connected before anything is made; -1 for none. */
export interface Sockets {
  console: number;
  pidfd: number;
}

/**
 * @param fds owns them
 * @throws TsrunError ERR_CONSOLE
 */
export function connectSockets(native: Native, options: LaunchOptions, fds: OpenFds): Sockets {
  const connect = (what: string, path: string | undefined): number =>
    path === undefined ? -1 : fds.add(connectSocket(native, what, path));
  return {
    console: connect('console socket', options.consoleSocket),
    pidfd: connect('pidfd socket', options.pidfdSocket),
  };
}

export interface Launch {
  plan: ContainerPlan;
  /** JSON pointer of the process object, for messages. */
  at: '/process' | '';
  /** Descriptors of the plan's inputs. */
  inputs: readonly number[];
  sockets: Sockets;
  /** Directory of the cgroup that the process is born in; -1 for the caller's. */
  cgroupFd: number;
  spawn?: (request: SpawnRequest) => Spawned | number;
  /** The process waits at a gate: that it has ended there is a failure. */
  gated: boolean;
  /** Handlers.leaveBeforeGate */
  leaveBeforeGate?: boolean;
  started?: Handlers['started'];
  /** What is done at the sync points that only create, or only exec, has. */
  sync: Partial<Record<SyncPointValue, (child: Child) => void | Promise<void>>>;
  listener: (fd: number, child: Child) => void | Promise<void>;
  tree?: (slot: number, mountNamespace: number) => number;
}

export interface Launched extends Child {
  /** Master side of the terminal, the caller's; -1 without one, or when the console socket has it. */
  terminal: number;
}

/**
 * @returns the process, its pidfd the caller's to close
 * @throws TsrunError of the step that failed; the process is then gone
 */
export async function launch(
  native: Native,
  options: LaunchOptions,
  request: Launch,
): Promise<Launched> {
  const { plan, sockets } = request;
  const terminal = { fd: -1 };
  const spawn: SpawnRequest = {
    cloneFlags: plan.cloneFlags,
    earlyNamespaces: plan.earlyNamespaces,
    cgroupFd: request.cgroupFd,
    stdio: options.stdio,
    preserve: options.preserve ?? [],
    fds: request.inputs,
    slots: plan.slots,
    steps: plan.steps,
    trace: options.trace !== undefined,
  };
  let child: Child | undefined;
  try {
    const spawned = (request.spawn ?? native.spawn)(spawn);
    child = await execute(native, spawn, handlers(native, options, request, terminal), spawned);
    if (request.gated) requireAlive(native, child);
    if (sockets.pidfd >= 0) {
      sendDescriptor(native, 'pidfd socket', sockets.pidfd, 'pidfd', child.pidfd);
    }
    // Last: conmon takes the file's presence for success.
    if (options.pidFile !== undefined) writePidFile(native, options.pidFile, child.pid);
  } catch (error) {
    if (terminal.fd >= 0) native.close(terminal.fd);
    if (child !== undefined) {
      await killAndReap(native, child.pidfd);
      native.close(child.pidfd);
    }
    throw error;
  }
  return { ...child, terminal: terminal.fd };
}

function handlers(
  native: Native,
  { trace, warn }: LaunchOptions,
  { plan, at, sockets, leaveBeforeGate, started, sync, listener, tree }: Launch,
  terminal: { fd: number },
): Handlers {
  return {
    ...(started === undefined ? {} : { started }),
    sync: {
      [SyncPoint.oomScoreAdj]: ({ pid }) =>
        setOomScoreAdj(native, pid, plan.oomScoreAdj ?? 0, `${at}/oomScoreAdj`),
      [SyncPoint.limits]: ({ pid }) => raiseLimits(native, pid, plan.limits),
      ...sync,
    },
    console: (fd, name) => {
      if (sockets.console < 0) {
        terminal.fd = fd;
        return;
      }
      try {
        sendDescriptor(native, 'console socket', sockets.console, name, fd);
      } finally {
        native.close(fd);
      }
    },
    listener,
    ...(tree === undefined ? {} : { tree }),
    ...(leaveBeforeGate === undefined ? {} : { leaveBeforeGate }),
    warning: warn,
    ...(trace === undefined ? {} : { trace: (times) => trace(plan.steps, times) }),
  };
}
