/**
 * The caller's terminal and the container's: what is typed goes in, what is
 * printed comes out, and the size is kept equal.
 *
 * The caller's descriptors may be shared with other programs, so they are left
 * blocking: each is used only after poll said that it is ready, and written in
 * pieces that a ready pipe takes at once.
 */

import type { Native, TerminalSettings } from '../../native/types.js';
import { EAGAIN, EINTR, POLLERR, POLLIN, POLLOUT } from '../../native/constants.js';
import type { Process } from '../../spec/types.js';
import { Waits } from './waits.js';

const CHUNK = 16384;
/** What a pipe that is ready takes without blocking (pipe(7)). */
const PIPE_BUF = 4096;
/** End of input, as a terminal in its usual mode takes it. */
const EOT = 4;
const NEWLINE = 10;

export class Terminal {
  private readonly waits: Waits;
  /** The caller's terminal, -1 without one. */
  private readonly outer: number;
  private settings: TerminalSettings | undefined;
  private output: Promise<void> | undefined;
  private ending = false;
  private closed = false;

  /** @param master which this closes at its end */
  constructor(
    private readonly native: Native,
    private readonly master: number,
  ) {
    this.waits = new Waits(native);
    this.outer = outerTerminal(native);
    native.setNonblocking(master, true);
    this.resize();
  }

  /** Puts the caller's terminal into raw mode and begins to copy. */
  start(): void {
    if (this.outer !== -1) {
      const settings = this.native.makeRaw(this.outer);
      if (typeof settings !== 'number') this.settings = settings;
    }
    void this.copyIn();
    this.output = this.copyOut();
  }

  /** Gives the inner terminal the size of the outer one. */
  resize(): void {
    const size = windowSize(this.native, this.outer);
    if (size !== undefined) this.native.setWindowSize(this.master, size[0], size[1]);
  }

  /** After the process ended: copies out what it printed last, and ends. */
  async finish(): Promise<void> {
    this.ending = true;
    this.waits.stop();
    await this.output;
    this.close();
  }

  /** Restores the caller's terminal; whatever was not copied is lost. Once is enough. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.ending = true;
    this.waits.stop();
    if (this.settings !== undefined) this.native.restoreTerminal(this.outer, this.settings);
    this.settings = undefined;
    this.native.close(this.master);
  }

  private async copyIn(): Promise<void> {
    let last = NEWLINE;
    for (;;) {
      if ((await this.waits.wait(0, POLLIN)) <= 0) return;
      const data = this.native.read(0, CHUNK);
      if (data === -EAGAIN || data === -EINTR) continue;
      if (typeof data === 'number') return;
      if (data.length === 0) {
        // Within a line the first one only hands over the line.
        await this.writeIn(Uint8Array.from(last === NEWLINE ? [EOT] : [EOT, EOT]));
        return;
      }
      last = data[data.length - 1] ?? NEWLINE;
      if (!(await this.writeIn(data))) return;
    }
  }

  /** @returns false when nobody can read it any more */
  private async writeIn(data: Uint8Array): Promise<boolean> {
    for (let done = 0; done < data.length;) {
      const written = this.native.writeSome(this.master, data.subarray(done));
      if (written === -EAGAIN) {
        if ((await this.waits.wait(this.master, POLLOUT)) <= 0) return false;
      } else if (written < 0) {
        return false;
      } else {
        done += written;
      }
    }
    return true;
  }

  private async copyOut(): Promise<void> {
    let open = true;
    for (;;) {
      const data = this.native.read(this.master, CHUNK);
      if (data === -EAGAIN) {
        // The kernel has handed over everything that was printed before it says so.
        if (this.ending) return;
        await this.waits.wait(this.master, POLLIN);
        continue;
      }
      // EIO: nobody has the inner terminal open any more.
      if (typeof data === 'number' || data.length === 0) return;
      // Without a reader outside, read on: the process must not block on a full terminal.
      if (open) open = await this.writeOut(data);
    }
  }

  /** @returns false when nobody reads it any more */
  private async writeOut(data: Uint8Array): Promise<boolean> {
    // Not given up when the process ends: what it printed is still to be delivered.
    const waits = new Waits(this.native);
    for (let done = 0; done < data.length;) {
      const events = await waits.wait(1, POLLOUT);
      if (events < 0 || (events & POLLERR) !== 0) return false;
      const written = this.native.writeSome(1, data.subarray(done, done + PIPE_BUF));
      if (written === -EAGAIN || written === -EINTR) continue;
      if (written < 0) return false;
      done += written;
    }
    return true;
  }
}

/** The caller's terminal, -1 without one. */
function outerTerminal(native: Native): number {
  return [0, 1, 2].find((fd) => native.isTerminal(fd)) ?? -1;
}

function windowSize(native: Native, terminal: number): [number, number] | undefined {
  if (terminal === -1) return undefined;
  const size = native.getWindowSize(terminal);
  return typeof size === 'number' || size[0] === 0 || size[1] === 0 ? undefined : size;
}

/** The size of the caller's terminal, for a program that is not to see another one first. */
export function outerSize(native: Native): Process['consoleSize'] {
  const size = windowSize(native, outerTerminal(native));
  return size === undefined ? undefined : { width: size[0], height: size[1] };
}
