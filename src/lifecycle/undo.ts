/** What has been done so far, so that a failure can undo it in reverse. */

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
