/** A container, as a program holds it. */

import { TsrunError } from '../errors.js';
import { deleteContainer } from '../lifecycle/delete.js';
import { exec, loadProcess } from '../lifecycle/exec.js';
import { events, stats } from '../lifecycle/events.js';
import { kill } from '../lifecycle/kill.js';
import { pause, resume } from '../lifecycle/pause.js';
import { start } from '../lifecycle/start.js';
import { state } from '../lifecycle/state.js';
import type { ContainerName, StateView } from '../lifecycle/state.js';
import { update } from '../lifecycle/update.js';
import type { ContainerStats } from '../cgroups/stats.js';
import { SIGTERM } from '../native/constants.js';
import { turns } from '../native/node.js';
import { requireProcess, requireResources } from '../spec/load.js';
import type { LinuxResources, Process } from '../spec/types.js';
import { StateRoot } from '../state/root.js';
import { ChildExit, childOf } from './child-exit.js';
import type { ExitInfo } from './child-exit.js';
import { copied } from './copied.js';
import { fromHere, streams, withRoot } from './options.js';
import type { Context, Stdio } from './options.js';

export interface ExecOptions {
  /**
   * What differs from the container's own process, member by member; `terminal`
   * is false unless given here.
   */
  process: Partial<Process>;
  /** Default `inherit`. */
  stdio?: Stdio;
  /** Path of a unix socket that gets the terminal's master side; needed with process.terminal. */
  consoleSocket?: string;
  /** File that gets the pid, without a newline. */
  pidFile?: string;
  /** Path of a unix socket that gets a pidfd of the process. */
  pidfdSocket?: string;
  /** Descriptors that the process gets as 3, 4, ... Default none. */
  preserveFds?: readonly number[];
  /** Exec in a paused container; the process waits until it is resumed. Default false. */
  ignorePaused?: boolean;
}

/** A process that exec() started. It is a child of this program, which reaps it when it ends. */
export interface ExecProcess {
  pid: number;
  /** How it ended. The program stays alive until then. */
  wait(): Promise<ExitInfo>;
}

export interface KillOptions {
  /** Every process of the container. Default false: its first process. */
  all?: boolean;
}

export interface StatsOptions {
  /** Milliseconds. Default 1000. */
  intervalMs?: number;
}

export interface DeleteOptions {
  /** Kill what runs; a container that is gone already is no error. Default false. */
  force?: boolean;
}

/**
 * How long delete() waits for the process to be reaped. A process that lives on does not belong to the
 * container any more: its state was removed by hand, or another child has its pid.
 */
const SETTLE_MS = 1000;

export class Container {
  readonly id: string;
  /** Of the container's first process, as this program sees it; 0 when there was none. */
  readonly pid: number;
  private readonly context: Context;
  private readonly child: ChildExit | undefined;

  /** @internal createContainer and getContainer make these. */
  constructor(context: Context, id: string, pid: number, pidfd: number) {
    this.context = context;
    this.id = id;
    this.pid = pid;
    this.child = pidfd < 0 ? undefined : new ChildExit(context.native, pid, pidfd);
  }

  /**
   * Runs the program of a created container; resolves when it runs. After a
   * failure the container is stopped, and still to be deleted.
   *
   * @throws TsrunError ERR_NOT_FOUND; ERR_WRONG_STATE when it is not created;
   *   ERR_EXEC when the program cannot be run; ERR_HOOK
   */
  async start(): Promise<void> {
    await turns.next();
    const { native, hooks, warn } = this.context;
    await this.withName((name) => start(native, { ...name, ...hooks, warn }));
  }

  /**
   * Runs a further process in the container; resolves when it runs.
   *
   * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING, ERR_WRONG_STATE;
   *   ERR_CONFIG_INVALID; ERR_EXEC when the program cannot be run
   */
  async exec(given: ExecOptions): Promise<ExecProcess> {
    const { native, warn } = this.context;
    const options = fromHere(native, copied(given));
    await turns.next();
    const { consoleSocket, pidFile, pidfdSocket, preserveFds, ignorePaused } = options;
    const request = {
      stdio: streams(options.stdio),
      preserve: preserveFds ?? [],
      ignorePaused: ignorePaused === true,
      warn,
      turn: () => turns.next(),
      ...(consoleSocket === undefined ? {} : { consoleSocket }),
      ...(pidFile === undefined ? {} : { pidFile }),
      ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    };
    const { pid, pidfd } = await this.withName(async (name) => {
      const process = requireProcess(
        { ...loadProcess(native, name), terminal: false, ...options.process },
        'process',
      );
      await turns.next();
      return exec(native, { ...name, ...request, process });
    });
    const child = new ChildExit(native, pid, pidfd);
    return { pid, wait: () => child.wait() };
  }

  /**
   * Sends a signal.
   *
   * @param signal its number; default 15, SIGTERM
   * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING; ERR_UNSUPPORTED for
   *   `all` in a container that has no cgroup of its own
   */
  async kill(signal: number = SIGTERM, options: KillOptions = {}): Promise<void> {
    await turns.next();
    const { native } = this.context;
    await this.withName((name) => kill(native, { ...name, signal, all: options.all === true }));
  }

  /**
   * Waits for the end of the container's first process, which is reaped in any case.
   *
   * @throws TsrunError ERR_WRONG_STATE for a container that another program
   *   made: how it ends is told to its parent only
   */
  async wait(): Promise<ExitInfo> {
    if (this.child === undefined) {
      throw new TsrunError(
        'ERR_WRONG_STATE',
        `cannot wait for container "${this.id}": it was not made by this Container object`,
      );
    }
    return this.child.wait();
  }

  /**
   * Stops every process of the container; resolves when they stand still.
   * state() then says `paused`, exec() is refused, and kill() reaches it.
   *
   * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING; ERR_WRONG_STATE when it
   *   is not started, or is paused; ERR_UNSUPPORTED without a cgroup of its own
   */
  async pause(): Promise<void> {
    await turns.next();
    await this.withName((name) => pause(this.context.native, name));
  }

  /**
   * Lets the processes of a paused container go on.
   *
   * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING; ERR_WRONG_STATE when it
   *   is not paused
   */
  async resume(): Promise<void> {
    await turns.next();
    await this.withName((name) => resume(this.context.native, name));
  }

  /**
   * Changes limits, and device rules where some are given. What is left out
   * stays as it is. Either all of it is done, or none: the error says what
   * could not be taken back.
   *
   * @param given as linux.resources of config.json: bytes, microseconds, -1 for no limit
   * @throws TsrunError ERR_CONFIG_INVALID, ERR_UNSUPPORTED, ERR_CGROUP with the
   *   JSON pointer into `resources`; ERR_NOT_FOUND; ERR_NOT_RUNNING
   */
  async update(given: LinuxResources): Promise<void> {
    const resources = copied(given);
    await turns.next();
    const { native, warn } = this.context;
    await this.withName((name) =>
      update(native, { ...name, resources: requireResources(resources), warn }),
    );
  }

  /**
   * What the container has used, at once and then after every interval until
   * its last process ends. Where the loop is left early, nothing stays behind.
   *
   * @throws TsrunError ERR_NOT_FOUND; ERR_NOT_RUNNING; ERR_UNSUPPORTED without
   *   a cgroup of its own
   */
  async *stats({ intervalMs = 1000 }: StatsOptions = {}): AsyncGenerator<
    ContainerStats,
    void,
    undefined
  > {
    await turns.next();
    const { native } = this.context;
    const name = this.open();
    try {
      yield await stats(native, name);
      for await (const event of events(native, name, intervalMs)) {
        if (event.type === 'stats') yield event.stats;
      }
    } finally {
      name.root.close();
    }
  }

  /**
   * `oom` each time the kernel has killed processes of the container because
   * memory.max was reached; `exit` when the last process has ended, which comes last.
   *
   * @throws TsrunError as stats() does
   */
  async *events(): AsyncGenerator<{ type: 'oom' | 'exit' }, void, undefined> {
    const name = this.open();
    try {
      for await (const { type } of events(this.context.native, name)) {
        if (type !== 'stats') yield { type };
      }
    } finally {
      name.root.close();
    }
  }

  /** @throws TsrunError ERR_NOT_FOUND, ERR_STATE */
  async state(): Promise<StateView> {
    await turns.next();
    return this.withName((name) => state(this.context.native, name));
  }

  /**
   * Removes the container: its cgroup, its state, and what is left of its
   * processes; then its id is free again.
   *
   * @throws TsrunError ERR_NOT_FOUND; ERR_WRONG_STATE when it is running or paused
   */
  async delete(options: DeleteOptions = {}): Promise<void> {
    await turns.next();
    const { native, hooks, warn } = this.context;
    const force = options.force === true;
    await this.withName((name) => deleteContainer(native, { ...name, ...hooks, force, warn }));
    // No zombie is left behind, also of one that another object has made. Who else may have reaped
    // it makes no difference here.
    await (this.child ?? childOf(this.pid))?.settled(SETTLE_MS);
  }

  /** The root directory is the caller's to close. */
  private open(): ContainerName {
    return { root: StateRoot.open(this.context.native, this.context.root), id: this.id };
  }

  private withName<T>(use: (name: ContainerName) => T | Promise<T>): Promise<T> {
    return withRoot(this.context, (root) => use({ root, id: this.id }));
  }
}
