/** What has been done so far, so that a failure can undo it in reverse. */

import { TsrunError } from '../errors.js';
import { O_CLOEXEC, O_PATH } from '../native/constants.js';
import type { Native } from '../native/types.js';

/** How many descriptors the removal of a container has open at once. */
const RESERVED = 4;

/** Descriptors that are taken early, for an undoing that may find no others free. */
export class Reserve {
  private readonly fds: number[] = [];

  /** @throws TsrunError ERR_SYSTEM when there are not that many */
  constructor(private readonly native: Native) {
    while (this.fds.length < RESERVED) {
      const fd = native.open('/', O_PATH | O_CLOEXEC, 0);
      if (fd < 0) {
        this.release();
        throw new TsrunError(
          'ERR_SYSTEM',
          `cannot reserve descriptors for what a failure undoes: ${native.strerror(-fd)}`,
          { errno: -fd },
        );
      }
      this.fds.push(fd);
    }
  }

  release(): void {
    for (const fd of this.fds.splice(0)) this.native.close(fd);
  }
}

export class UndoStack {
  private readonly actions: (() => void | Promise<void>)[] = [];

  push(action: () => void | Promise<void>): void {
    this.actions.push(action);
  }

  /** Undoes everything, last first. A failing action does not keep the others from running. */
  async undo(): Promise<void> {
    for (;;) {
      const action = this.actions.pop();
      if (action === undefined) return;
      try {
        await action();
      } catch {
        // The failure that led here is what the caller is told.
      }
    }
  }

  /** Everything is done: nothing is to be undone any more. */
  keep(): void {
    this.actions.length = 0;
  }
}

/** Descriptors that are closed whatever happens. */
export class OpenFds {
  private readonly fds = new Set<number>();

  constructor(private readonly close: (fd: number) => void) {}

  add(fd: number): number {
    this.fds.add(fd);
    return fd;
  }

  /** The descriptor gets another owner. */
  give(fd: number): number {
    this.fds.delete(fd);
    return fd;
  }

  closeOne(fd: number): void {
    if (this.fds.delete(fd)) this.close(fd);
  }

  closeAll(): void {
    for (const fd of this.fds) this.close(fd);
    this.fds.clear();
  }
}
