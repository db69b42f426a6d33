/** The end of a child of ours, asked for by any number of callers and reaped once. */

import { TsrunError } from '../errors.js';
import { waitForExit } from '../lifecycle/child.js';
import type { ExitInfo, Native } from '../native/types.js';

export class ChildExit {
  private exit: Promise<ExitInfo> | undefined;

  /** @param pidfd of a child of this program's, which this closes when the child is reaped */
  constructor(
    private readonly native: Native,
    private readonly pidfd: number,
  ) {}

  /** @throws TsrunError ERR_SYSTEM when somebody else has reaped it */
  wait(): Promise<ExitInfo> {
    this.exit ??= this.reap();
    return this.exit;
  }

  private async reap(): Promise<ExitInfo> {
    const exit = await waitForExit(this.native, this.pidfd);
    this.native.close(this.pidfd);
    if (typeof exit === 'number') {
      throw new TsrunError(
        'ERR_SYSTEM',
        `cannot wait for the process: ${this.native.strerror(-exit)}`,
        { errno: -exit },
      );
    }
    return exit;
  }
}
