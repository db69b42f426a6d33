/**
 * Carries out a plan: starts the helper and answers what it says until there
 * is nothing left to say.
 *
 * The order of the sync points is that of the plan's steps. One that comes out
 * of order is a bug of ours and ends the helper.
 */

import type { ExitInfo, Message, Native, SpawnRequest, Spawned } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  EACCES,
  EAGAIN,
  EBUSY,
  ECONNRESET,
  EOPNOTSUPP,
  EPIPE,
  SIGKILL,
} from '../native/constants.js';
import { explainEarly } from '../plan/describe.js';
import { explainStep } from './explain.js';
import { NO_STEP } from '../plan/steps.js';
import type { Step, SyncPointValue } from '../plan/steps.js';
import { killAndReap, killAndReapBoth, pidOfPidfd, waitForExit } from './child.js';
import { childEndedAsHelper, endedAsHelper, untoldError } from './ended-as-helper.js';
import { waitForEither } from './wait-either.js';

/** The process that carries out the steps: another one after a `fork` step. */
export interface Child {
  pid: number;
  pidfd: number;
}

export interface Handlers {
  /** Right after the clone, and again for the process that a `fork` step makes. */
  started?(child: Child): void | Promise<void>;
  /** The helper waits meanwhile. */
  sync?: Partial<Record<SyncPointValue, (child: Child) => void | Promise<void>>>;
  /** The master side of the terminal, which the handler closes or keeps. */
  console?(fd: number, name: string): void;
  /** A filter with a listener is loaded; the helper waits. The descriptor is closed after. */
  listener?(fd: number, child: Child): void | Promise<void>;
  /**
   * A tree that the caller has opened is to be exchanged for one of the helper's mount namespace.
   *
   * @returns that, or -1 for none; both descriptors are closed after
   */
  tree?(slot: number, mountNamespace: number): number;
  /** Do not wait until the process has come to its gate; never waited for behind a listener. */
  leaveBeforeGate?: boolean;
  warning?(message: string): void;
  trace?(times: readonly number[]): void;
}

/**
 * Runs the helper until it waits at its start gate, or has called execve where the plan has none.
 *
 * @param handlers with `leaveBeforeGate`, returns once nothing but the gate comes: for a caller who
 *   starts the process next, and hears of its end there
 * @param spawned what native.spawn() gave for the request
 * @returns the process, its pidfd open and the caller's
 * @throws TsrunError of the step that failed; the process is then gone
 */
export async function execute(
  native: Native,
  request: SpawnRequest,
  handlers: Handlers,
  spawned: Spawned | number = native.spawn(request),
): Promise<Child> {
  if (typeof spawned === 'number') throw cannotSpawn(native, request, -spawned);
  const conversation = new Conversation(native, request.steps, handlers, {
    pid: spawned.pid,
    pidfd: spawned.pidfd,
  });
  try {
    await handlers.started?.(conversation.child);
    await conversation.run(spawned.socket);
  } catch (error) {
    await conversation.endProcess();
    native.close(conversation.child.pidfd);
    throw error;
  } finally {
    native.close(spawned.socket);
  }
  return conversation.child;
}

/** kGo of native/wire/wire.h. */
const GO = 'g';

class Conversation {
  private readonly order: SyncPointValue[];
  private next = 0;
  private over = false;
  /** `fork` steps that no message has told of. */
  private forks: number;
  /** The process has ended: what it has said is in the socket. */
  private gone = false;
  /** The helper has closed its side while it waited for us. */
  private dying = false;

  constructor(
    private readonly native: Native,
    private readonly steps: readonly Step[],
    private readonly handlers: Handlers,
    public child: Child,
  ) {
    this.order = [];
    for (const step of steps) if (step.op === 'sync') this.order.push(step.point);
    this.forks = steps.filter(({ op }) => op === 'fork').length;
  }

  /** Kills and reaps the process, and one that it may have made without telling. */
  async endProcess(): Promise<void> {
    if (this.forks > 0) await killAndReapBoth(this.native, this.child);
    else await killAndReap(this.native, this.child.pidfd);
  }

  async run(socket: number): Promise<void> {
    while (!this.over) {
      const message = this.native.receive(socket);
      if (message === -EAGAIN) {
        // Somebody else may have the other end of the socket: what a `fork` step has made, or another
        // child of the program that has not executed anything yet.
        if (this.gone) await this.end();
        else this.gone = (await waitForEither(this.native, socket, this.child.pidfd)) === 'second';
      } else if (message === 0) {
        await this.end();
      } else if (typeof message === 'number') {
        throw broken(this.native, 'read from the helper', -message);
      } else {
        await this.answer(socket, message);
      }
    }
  }

  private async answer(socket: number, message: Message): Promise<void> {
    switch (message.type) {
      case 'sync':
        await this.sync(message);
        this.goOn(socket, message);
        return;
      case 'failed':
        throw failure(this.native, this.steps, message);
      case 'forked':
        await this.forked(socket, message);
        return;
      case 'console':
        if (this.handlers.console === undefined) this.native.close(message.fd);
        else this.handlers.console(message.fd, message.text);
        return;
      case 'listener':
        try {
          await this.handlers.listener?.(message.fd, this.child);
        } finally {
          this.native.close(message.fd);
        }
        this.goOn(socket, message);
        return;
      case 'tree':
        this.exchangeTree(socket, message);
        return;
      case 'warning':
        this.handlers.warning?.(describeWarning(this.steps, message));
        return;
      case 'trace':
        this.handlers.trace?.(message.times ?? []);
        return;
    }
  }

  private exchangeTree(socket: number, { value, fd }: Message): void {
    let tree = -1;
    try {
      tree = this.handlers.tree?.(value, fd) ?? -1;
      if (tree < 0) this.proceed(socket);
      else this.checkSent(this.native.sendFd(socket, GO, tree));
    } finally {
      if (tree >= 0) this.native.close(tree);
      this.native.close(fd);
    }
  }

  private async sync(message: Message): Promise<void> {
    const expected = this.order[this.next];
    if (expected === undefined || message.value !== expected) {
      throw new TsrunError('ERR_SYSTEM', `helper is at sync point ${message.value} out of order`);
    }
    this.next++;
    await this.handlers.sync?.[expected]?.(this.child);
  }

  /** The sender has nothing left to do and is ours to reap; its copy goes on in its place. */
  private async forked(socket: number, message: Message): Promise<void> {
    const sender = this.child;
    this.child = { pid: 0, pidfd: message.fd };
    this.forks--;
    this.gone = false;
    try {
      this.proceed(socket);
      this.child.pid = pidOfPidfd(this.native, message.fd);
    } finally {
      await killAndReap(this.native, sender.pidfd);
      this.native.close(sender.pidfd);
    }
    if (this.child.pid <= 0)
      throw new TsrunError('ERR_SYSTEM', 'the process has gone right after its fork');
    await this.handlers.started?.(this.child);
  }

  private goOn(socket: number, message: Message): void {
    this.proceed(socket);
    if (this.dying || this.steps[message.step + 1]?.op !== 'gate') return;
    // The filter may ask the listener's agent about the close of the socket at the gate. The agent
    // may wait for create to end before it answers, so create must not wait for the close.
    const hasListener = message.type === 'listener';
    if (hasListener || this.handlers.leaveBeforeGate === true) this.over = true;
  }

  private proceed(socket: number): void {
    this.checkSent(this.native.proceed(socket));
  }

  private checkSent(sent: number): void {
    if (sent >= 0) return;
    // A helper that died meanwhile is found by the next receive, with its reason.
    if (sent === -EPIPE || sent === -ECONNRESET) this.dying = true;
    else throw broken(this.native, 'let the helper go on', -sent);
  }

  /**
   * The end of the socket. When every sync point is behind it was execve (or
   * the program was killed since, which is the program's end, not ours), or
   * the helper has closed it at the gate; else the helper has died without a word.
   */
  private async end(): Promise<void> {
    this.over = true;
    const last = this.steps[this.steps.length - 1]?.op;
    const gated = this.steps.some(({ op }) => op === 'gate');
    const isDone = this.next === this.order.length && this.forks === 0 && last === 'exec';
    if (isDone && !this.dying) {
      // A process that ends closes its sockets before it can be reaped.
      const hasEnded = gated ? endedAsHelper : childEndedAsHelper;
      if (!hasEnded(this.native, { pid: this.child.pid })) {
        if (gated) requireAlive(this.native, this.child);
        return;
      }
    }
    const exit =
      this.forks === 0
        ? await waitForExit(this.native, this.child.pidfd)
        : await killAndReapBoth(this.native, this.child);
    this.forks = 0;
    throw endedError(this.native, exit);
  }
}

/**
 * @param child of ours
 * @throws TsrunError when it has ended
 */
export function requireAlive(native: Native, { pidfd }: Child): void {
  const ended = native.reap(pidfd);
  if (ended !== -EAGAIN) throw endedError(native, ended);
}

function endedError(native: Native, exit: ExitInfo | number): TsrunError {
  return untoldError(native, exit) ?? new TsrunError('ERR_SYSTEM', endedText(exit));
}

function endedText(exit: ExitInfo | number): string {
  if (typeof exit === 'object' && exit.signal !== 0) {
    return exit.signal === SIGKILL
      ? 'the process was killed by signal 9 while it was set up (out of memory?)'
      : `the process was killed by signal ${exit.signal} while it was set up`;
  }
  return 'the process ended while it was set up';
}

function failure(native: Native, steps: readonly Step[], message: Message): TsrunError {
  const step = steps[message.step];
  if (message.step === NO_STEP) {
    return new TsrunError(
      'ERR_SYSTEM',
      explainEarly(native.strerror(message.value), message.code),
      { errno: message.value },
    );
  }
  if (step === undefined) {
    return new TsrunError('ERR_SYSTEM', `step ${message.step}: ${native.strerror(message.value)}`, {
      errno: message.value,
    });
  }
  return explainStep(native, step, message.value, message.code, message.text);
}

function describeWarning(steps: readonly Step[], message: Message): string {
  const at = steps[message.step]?.at;
  return at === undefined || at === '' ? message.text : `${at}: ${message.text}`;
}

function cannotSpawn(native: Native, { cgroupFd }: SpawnRequest, errno: number): TsrunError {
  const cause = cgroupFd >= 0 ? CGROUP_CAUSES[errno] : undefined;
  const reason = native.strerror(errno) + (cause === undefined ? '' : ` (${cause})`);
  return new TsrunError('ERR_SYSTEM', `cannot start a process: ${reason}`, { errno });
}

/** What clone3(2) means when the process is to be born in a cgroup. */
const CGROUP_CAUSES: Readonly<Record<number, string>> = {
  [EACCES]: 'the caller may not move a process from its own cgroup into that one',
  [EAGAIN]: 'pids.max of its cgroup or of one above it',
  [EBUSY]: 'its cgroup has controllers enabled for those below it, and takes no processes',
  [EOPNOTSUPP]: 'its cgroup is threaded, or below a threaded one: see cgroup.type',
};

function broken(native: Native, doing: string, errno: number): TsrunError {
  return new TsrunError('ERR_SYSTEM', `cannot ${doing}: ${native.strerror(errno)}`, { errno });
}
