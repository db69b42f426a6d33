/** The waits of the fake system (system.ts): a timeout comes at once. */

import type { FakeSystem } from './system.js';

interface Waiter {
  fd: number;
  callback: (events: number) => void;
}

export class FakeWaits {
  private readonly waiters = new Map<number, Waiter>();
  private nextHandle = 1;

  constructor(private readonly system: FakeSystem) {}

  private ready(number: number): boolean {
    const fd = this.system.fds.get(number);
    if (fd === undefined) return false;
    // A fifo that nobody has opened for writing yet is not ready.
    if (fd.kind === 'gate') return fd.said !== '';
    return fd.kind !== 'pidfd' || fd.process.exit !== undefined;
  }

  wait(fd: number, timeout: number, callback: (events: number) => void): number {
    const handle = this.nextHandle++;
    this.waiters.set(handle, { fd, callback });
    if (this.ready(fd)) this.settle(handle, 1);
    else if (timeout >= 0) {
      this.system.now += timeout * 1e6;
      this.settle(handle, 0);
    }
    return handle;
  }

  private settle(handle: number, events: number): void {
    void Promise.resolve().then(() => {
      const waiter = this.waiters.get(handle);
      if (!this.waiters.delete(handle)) return;
      waiter?.callback(events);
    });
  }

  /** Something has ended. */
  wake(): void {
    for (const [handle, { fd }] of this.waiters) if (this.ready(fd)) this.settle(handle, 1);
  }

  cancel(handle: number): void {
    this.waiters.delete(handle);
  }
}
