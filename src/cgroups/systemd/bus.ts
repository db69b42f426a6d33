/** A conversation with systemd: calls of its manager, and the ends of its jobs. */

import { TsrunError } from '../../errors.js';
import { EAGAIN, ECONNRESET, EPIPE } from '../../native/constants.js';
import type { BusItem, BusMessage, Native } from '../../native/types.js';
import { waitFor } from '../../native/wait.js';

/** How long systemd may take for an answer or a job, in milliseconds. */
const TIMEOUT_MS = 30_000;
const CONNECT_ATTEMPTS = 8;

export const SYSTEMD = 'org.freedesktop.systemd1';
export const MANAGER_PATH = '/org/freedesktop/systemd1';
export const MANAGER = 'org.freedesktop.systemd1.Manager';
export const PROPERTIES = 'org.freedesktop.DBus.Properties';

const BUS = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'] as const;

/** What systemd, or the bus, says to a call that it refuses. */
export class BusRefusal extends Error {
  constructor(
    /** D-Bus name of the error. */
    readonly errorName: string,
    message: string,
  ) {
    super(message);
  }
}

export interface BusCall {
  path: string;
  interfaceName: string;
  member: string;
  body: readonly BusItem[];
}

export class Bus {
  private readonly answers = new Map<number, BusMessage>();
  /** Results of jobs that have ended, by object path. */
  private readonly jobs = new Map<string, string>();

  private constructor(
    private readonly native: Native,
    private readonly handle: number,
    private readonly address: string,
  ) {}

  /**
   * Connects, and asks to be told of the ends of a unit's jobs. Waits until the
   * bus knows us: it drops a connection that takes more than some seconds for
   * that, which happens on a busy machine and is tried again.
   *
   * @param path of the bus's socket
   * @throws TsrunError ERR_CGROUP
   */
  static async connect(native: Native, path: string, unit: string): Promise<Bus> {
    for (let attempt = 1; ; attempt++) {
      const handle = native.openBus(busAddress(path));
      if (handle < 0) throw unreachable(native, path, -handle);
      const bus = new Bus(native, handle, path);
      try {
        await bus.watchJobs(unit);
        return bus;
      } catch (error) {
        bus.close();
        if (error instanceof BusRefusal) {
          throw new TsrunError(
            'ERR_CGROUP',
            `cannot reach systemd over the bus ${path}: ${error.message}`,
          );
        }
        const dropped =
          error instanceof TsrunError && (error.errno === ECONNRESET || error.errno === EPIPE);
        if (!dropped || attempt >= CONNECT_ATTEMPTS) throw error;
      }
    }
  }

  close(): void {
    this.native.closeBus(this.handle);
  }

  /**
   * Calls a method of systemd's.
   *
   * @returns the body of the answer
   * @throws BusRefusal what it answers; TsrunError ERR_CGROUP when it does not
   */
  async call({ path, interfaceName, member, body }: BusCall): Promise<BusItem[]> {
    return this.answer(this.send([SYSTEMD, path, interfaceName], member, body), member);
  }

  /** A method of the manager's; see call(). */
  manager(member: string, body: readonly BusItem[]): Promise<BusItem[]> {
    return this.call({ path: MANAGER_PATH, interfaceName: MANAGER, member, body });
  }

  private async watchJobs(unit: string): Promise<void> {
    // An apostrophe cannot be in the name of a unit.
    const rule =
      `type='signal',sender='${SYSTEMD}',path='${MANAGER_PATH}',interface='${MANAGER}',` +
      `member='JobRemoved',arg2='${unit}'`;
    await this.answer(this.send(BUS, 'AddMatch', [['s', rule]]), 'AddMatch');
  }

  /**
   * Waits for the end of a job.
   *
   * @param job its object path
   * @returns its result, `done` when all went well
   * @throws TsrunError ERR_CGROUP when it does not end in time
   */
  async job(job: string): Promise<string> {
    const deadline = this.deadline();
    for (;;) {
      const result = this.jobs.get(job);
      if (result !== undefined) return result;
      await this.receive(deadline, `its job ${job} has not ended`);
    }
  }

  private send(
    [destination, path, interfaceName]: readonly [string, string, string],
    member: string,
    body: readonly BusItem[],
  ): number {
    const cookie = this.native.callBus(this.handle, destination, path, interfaceName, member, body);
    if (cookie < 0) {
      throw this.failed(`cannot call ${member}: ${this.native.strerror(-cookie)}`, -cookie);
    }
    return cookie;
  }

  private async answer(cookie: number, member: string): Promise<BusItem[]> {
    const deadline = this.deadline();
    for (;;) {
      const answer = this.answers.get(cookie);
      if (answer !== undefined) {
        this.answers.delete(cookie);
        if (answer.type === 'error') throw new BusRefusal(answer.name, answer.text);
        return answer.body;
      }
      await this.receive(deadline, `no answer to ${member}`);
    }
  }

  private async receive(deadline: number, lateText: string): Promise<void> {
    const { native } = this;
    for (;;) {
      const message = native.receiveBus(this.handle);
      if (typeof message !== 'number') {
        this.keep(message);
        return;
      }
      if (message !== -EAGAIN) throw this.broken(message);
      const left = Math.ceil((deadline - native.monotonicNs()) / 1e6);
      if (left <= 0) {
        throw this.failed(`${lateText} after ${TIMEOUT_MS / 1000} seconds`);
      }
      const watch = native.watchBus(this.handle);
      if (typeof watch === 'number') throw this.broken(watch);
      const events = await waitFor(native, watch[0], watch[1], left);
      if (events < 0) throw this.broken(events);
    }
  }

  private keep(message: BusMessage): void {
    if (message.type !== 'signal') {
      this.answers.set(message.cookie, message);
      return;
    }
    // JobRemoved: id, job, unit, result.
    const [, job, , result] = message.body;
    if (message.name === 'JobRemoved' && job !== undefined && result !== undefined) {
      this.jobs.set(job[1], result[1]);
    }
  }

  private deadline(): number {
    return this.native.monotonicNs() + TIMEOUT_MS * 1e6;
  }

  private broken(status: number): TsrunError {
    return unreachable(this.native, this.address, -status);
  }

  private failed(text: string, errno?: number): TsrunError {
    return new TsrunError('ERR_CGROUP', `systemd (${this.address}): ${text}`, {
      ...(errno === undefined ? {} : { errno }),
    });
  }
}

function unreachable(native: Native, path: string, errno: number): TsrunError {
  return new TsrunError(
    'ERR_CGROUP',
    `cannot reach systemd over the bus ${path}: ${native.strerror(errno)}`,
    { errno },
  );
}

/** The D-Bus address of a socket; dbus-daemon(1) and the D-Bus specification, "Server Addresses". */
export function busAddress(path: string): string {
  let escaped = '';
  for (const letter of path) {
    if (/[-0-9A-Za-z_/.\\*]/.test(letter)) escaped += letter;
    else escaped += encodeURIComponent(letter).replace(/[!'()~]/g, percent);
  }
  return `unix:path=${escaped}`;
}

function percent(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16)}`;
}
