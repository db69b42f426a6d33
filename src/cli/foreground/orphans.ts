/** Processes of the container that lost their parent and came to us, its subreaper. */

import type { Native } from '../../native/types.js';
import { delay } from '../../native/wait.js';

/** Reaps those that have ended: one that nobody waits for stays a zombie. */
export class Orphans {
  private working = false;
  private stopped = false;

  /** @param container pid of the child that somebody waits for */
  constructor(
    private readonly native: Native,
    private readonly container: number,
  ) {}

  /** To be called when a child has ended. */
  reap(): void {
    if (!this.working) void this.work();
  }

  /** Before we have another child that is waited for, a hook above all. */
  stop(): void {
    this.stopped = true;
  }

  private async work(): Promise<void> {
    this.working = true;
    // There may be more than were reaped, and no signal for them.
    while (!this.stopped && this.native.reapOthers(this.container) > 0) {
      await delay(this.native, 0, false);
    }
    this.working = false;
  }
}
