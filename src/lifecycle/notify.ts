/**
 * NOTIFY_SOCKET of the caller (sd_notify(3)): the container gets a socket of
 * our own, and what it says there goes on to the caller's.
 *
 * The container may be given a way to say `READY=1`, not to speak to the
 * service manager at large: that line alone is relayed, in our words, and the
 * pid that the manager then follows is told by us.
 */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  EAGAIN,
  ENOENT,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  POLLIN,
} from '../native/constants.js';
import { latin1 } from '../native/latin1.js';
import { waitFor } from '../native/wait.js';
import { NOTIFY_DIRECTORY } from '../state/paths.js';
import { waitForEither } from './wait-either.js';

/** A datagram of sd_notify is a few lines. */
const MAX_DATAGRAM = 4096;

const READY = 'READY=1';

/** As long as systemd-notify and runc wait for the manager. */
const BARRIER_MS = 30_000;

export const NOTIFY_FILE = 'notify.sock';

/**
 * @param directory descriptor of the container's
 * @throws TsrunError ERR_STATE
 */
export function makeNotifyDirectory(native: Native, directory: number, path: string): void {
  // The container's user passes through it.
  const made = native.mkdirAt(directory, NOTIFY_DIRECTORY, 0o755);
  if (made < 0) {
    throw new TsrunError(
      'ERR_STATE',
      `cannot make notify directory ${path}: ${native.strerror(-made)}`,
      { errno: -made },
    );
  }
}

export class NotifyRelay {
  private constructor(
    private readonly native: Native,
    private readonly socket: number,
    private readonly target: string,
  ) {}

  /**
   * Makes the container's socket, before its program can run.
   *
   * @param directory descriptor of the container's
   * @param target the caller's NOTIFY_SOCKET
   * @returns undefined for a container that was created without one, which has no directory for it
   * @throws TsrunError ERR_SYSTEM
   */
  static open(native: Native, directory: number, target: string): NotifyRelay | undefined {
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const place = native.openat(directory, NOTIFY_DIRECTORY, flags, 0);
    if (place === -ENOENT) return undefined;
    if (place < 0) throw cannot(native, 'open', NOTIFY_DIRECTORY, place);
    // Whoever the container's program runs as may write to it. Made with that mode: the container
    // can put a link in its place before a chmod.
    const socket = native.bindDatagramAt(place, NOTIFY_FILE, 0o777);
    native.close(place);
    if (socket < 0) throw cannot(native, 'make', NOTIFY_FILE, socket);
    return new NotifyRelay(native, socket, target);
  }

  close(): void {
    this.native.close(this.socket);
  }

  /**
   * Waits for READY=1 and passes it on together with MAINPID=, or returns when
   * the process has ended without it. Closes the relay.
   *
   * @throws TsrunError ERR_SYSTEM when the caller's socket refuses
   */
  async relay(pid: number, pidfd: number): Promise<void> {
    try {
      for (;;) {
        const data = this.native.read(this.socket, MAX_DATAGRAM);
        if (data === -EAGAIN) {
          if ((await waitForEither(this.native, this.socket, pidfd)) === 'second') return;
          continue;
        }
        if (typeof data === 'number') throw cannot(this.native, 'read', NOTIFY_FILE, data);
        if (!saysReady(data)) continue;
        this.send(`${READY}\n`);
        this.send(`MAINPID=${pid}\n`);
        await this.barrier();
        return;
      }
    } finally {
      this.close();
    }
  }

  /**
   * The manager looks a sender up by its pid, so this one may not end before
   * what it sent has been read: the manager then closes the writing end of a
   * pipe (sd_notify_barrier(3)).
   */
  private async barrier(): Promise<void> {
    const pipe = this.native.pipe();
    if (typeof pipe === 'number') throw cannot(this.native, 'make', 'a pipe', pipe);
    const [reading, writing] = pipe;
    try {
      try {
        this.send('BARRIER=1', writing);
      } finally {
        this.native.close(writing);
      }
      const events = await waitFor(this.native, reading, POLLIN, BARRIER_MS);
      if (events < 0) throw cannot(this.native, 'wait for', this.target, events);
      if (events === 0) {
        throw new TsrunError(
          'ERR_SYSTEM',
          `NOTIFY_SOCKET ${this.target} has not answered BARRIER=1 for ${BARRIER_MS / 1000} s`,
        );
      }
    } finally {
      this.native.close(reading);
    }
  }

  private send(text: string, fd = -1): void {
    const sent = this.native.sendUnixDatagram(this.target, text, fd);
    if (sent < 0) throw cannot(this.native, 'send to NOTIFY_SOCKET', this.target, sent);
  }
}

/** systemd ends lines at a carriage return, too, and takes a NUL at the end of a datagram. */
function saysReady(data: Uint8Array): boolean {
  return latin1(data)
    .split(/[\n\r\0]/)
    .includes(READY);
}

function cannot(native: Native, what: string, path: string, error: number): TsrunError {
  return new TsrunError('ERR_SYSTEM', `cannot ${what} ${path}: ${native.strerror(-error)}`, {
    errno: -error,
  });
}
