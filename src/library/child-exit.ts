/** A child of ours: reaped when it ends, whoever waits for it. */

import { TsrunError } from '../errors.js';
import { waitForExit } from '../lifecycle/child.js';
import type { ExitInfo as Ended, Native } from '../native/types.js';

/** How a process ended. */
export interface ExitInfo {
  /** Exit status 0-255; null when a signal killed it. */
  status: number | null;
  /** Signal that killed it; 0 when it exited. */
  signal: number;
}

/** Those that have not been reaped, by pid, which no other process has until then. */
const children = new Map<number, ChildExit>();

/** The child of that pid, when there is one that has not been reaped. */
export function childOf(pid: number): ChildExit | undefined {
  return children.get(pid);
}

export class ChildExit {
  private isOver = false;
  private readonly ended: Promise<Ended | number>;

  /**
   * The child is reaped as soon as it has ended, since one that nobody reaps keeps its pid
   * namespace alive, and with that its container. The program may end meanwhile.
   *
   * @param pidfd of a child of this program's with that pid, which this closes when the child is reaped
   */
  constructor(
    private readonly native: Native,
    pid: number,
    pidfd: number,
  ) {
    children.set(pid, this);
    this.ended = waitForExit(native, pidfd, false).then((exit) => {
      this.isOver = true;
      children.delete(pid);
      native.close(pidfd);
      return exit;
    });
  }

  /** @throws TsrunError ERR_SYSTEM when somebody else has reaped it */
  async wait(): Promise<ExitInfo> {
    const exit = await this.end();
    if (typeof exit === 'number') {
      throw new TsrunError(
        'ERR_SYSTEM',
        `cannot wait for the process: ${this.native.strerror(-exit)}`,
        { errno: -exit },
      );
    }
    const { status, signal } = exit;
    return { status: signal === 0 ? status : null, signal };
  }

  /** Resolves when it is no child of ours any more, or after `timeoutMs`. */
  async settled(timeoutMs: number): Promise<void> {
    let stay = -1;
    const over = new Promise<void>((resolve) => {
      stay = this.native.wait(-1, 0, timeoutMs, true, () => resolve());
      if (stay < 0) resolve();
    });
    await Promise.race([this.ended, over]);
    if (stay >= 0) this.native.cancelWait(stay);
  }

  /** How it ended, or a negated errno. */
  private async end(): Promise<Ended | number> {
    if (this.isOver) return this.ended;
    // Never ends by itself, and needs no descriptor: the program stays for it.
    const stay = this.native.wait(-1, 0, -1, true, () => undefined);
    try {
      return await this.ended;
    } finally {
      this.native.cancelWait(stay);
    }
  }
}
