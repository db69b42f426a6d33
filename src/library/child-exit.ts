/** A child of ours: reaped when it ends, whoever waits for it. */

import { TsrunError } from '../errors.js';
import { waitForExit } from '../lifecycle/child.js';
import type { ExitInfo, Native } from '../native/types.js';

/** Those that have not been reaped, by pid, which no other process has until then. */
const children = new Map<number, ChildExit>();

/** The child of that pid, when there is one that has not been reaped. */
export function childOf(pid: number): ChildExit | undefined {
  return children.get(pid);
}

export class ChildExit {
  private isOver = false;
  private readonly ended: Promise<ExitInfo | number>;

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
    const exit = await this.settled();
    if (typeof exit === 'number') {
      throw new TsrunError(
        'ERR_SYSTEM',
        `cannot wait for the process: ${this.native.strerror(-exit)}`,
        { errno: -exit },
      );
    }
    return exit;
  }

  /** Resolves when it is no child of ours any more; how it ended, or a negated errno. */
  async settled(): Promise<ExitInfo | number> {
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
