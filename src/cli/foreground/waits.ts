/** Waits that can all be given up at once. */

import type { Native, PollEvents } from '../../native/types.js';

export class Waits {
  private readonly open = new Map<number, (events: number) => void>();
  private stopped = false;

  constructor(private readonly native: Native) {}

  /**
   * Waits for events on a descriptor.
   *
   * @returns the events, a negated errno, or 0 after stop()
   */
  wait(fd: number, events: PollEvents): Promise<number> {
    if (this.stopped) return Promise.resolve(0);
    return new Promise((resolve) => {
      const handle = this.native.wait(fd, events, -1, true, (came) => {
        this.open.delete(handle);
        resolve(came);
      });
      if (handle < 0) resolve(handle);
      else this.open.set(handle, resolve);
    });
  }

  /** Ends every wait, those to come too. */
  stop(): void {
    this.stopped = true;
    for (const [handle, resolve] of this.open) {
      this.native.cancelWait(handle);
      resolve(0);
    }
    this.open.clear();
  }
}
