import { describe, expect, test } from 'vitest';
import { Terminal } from '../../../src/cli/foreground/terminal.js';
import { EAGAIN, EIO, POLLIN, POLLOUT } from '../../../src/native/constants.js';
import type { Native } from '../../../src/native/types.js';

const MASTER = 9;

/** A terminal on 0 to 2 and a master, each with what is to be read and what was written. */
class Scene {
  readonly readable = new Map<number, (Uint8Array | number)[]>([
    [0, []],
    [MASTER, []],
  ]);
  readonly written = new Map<number, string>([
    [1, ''],
    [MASTER, ''],
  ]);
  /** How many bytes a write takes at most; 0 is a full buffer, once. */
  readonly room: number[] = [];
  readonly calls: string[] = [];
  private readonly waiting = new Map<number, { fd: number; callback: (events: number) => void }>();
  private nextHandle = 1;
  outer = true;

  readonly native = {
    isTerminal: () => this.outer,
    setNonblocking: () => 0,
    makeRaw: (fd: number) => {
      this.calls.push(`raw ${fd}`);
      return new Uint8Array([1]);
    },
    restoreTerminal: (fd: number) => {
      this.calls.push(`restore ${fd}`);
      return 0;
    },
    getWindowSize: () => [100, 40],
    setWindowSize: (fd: number, columns: number, rows: number) => {
      this.calls.push(`size ${fd} ${columns}x${rows}`);
      return 0;
    },
    close: (fd: number) => {
      this.calls.push(`close ${fd}`);
      return 0;
    },
    read: (fd: number) => this.readable.get(fd)?.shift() ?? -EAGAIN,
    writeSome: (fd: number, data: Uint8Array) => {
      const room = this.room.shift() ?? data.length;
      if (room === 0) return -EAGAIN;
      const taken = data.subarray(0, room);
      this.written.set(fd, this.written.get(fd)! + new TextDecoder('latin1').decode(taken));
      return taken.length;
    },
    wait: (
      fd: number,
      events: number,
      _timeout: number,
      _keepAlive: boolean,
      callback: (events: number) => void,
    ) => {
      const handle = this.nextHandle++;
      if (events === POLLOUT) queueMicrotask(() => callback(POLLOUT));
      else this.waiting.set(handle, { fd, callback });
      return handle;
    },
    cancelWait: (handle: number) => {
      this.waiting.delete(handle);
    },
  } as unknown as Native;

  /** Gives something to read, and wakes who waits for it. */
  async give(fd: number, ...data: (string | number)[]): Promise<void> {
    this.readable
      .get(fd)!
      .push(...data.map((item) => (typeof item === 'string' ? Buffer.from(item) : item)));
    // Readers may have to come round to their wait first.
    for (let i = 0; i < 20; i++) await Promise.resolve();
    for (const [handle, wait] of this.waiting) {
      if (wait.fd !== fd) continue;
      this.waiting.delete(handle);
      wait.callback(POLLIN);
    }
    for (let i = 0; i < 50; i++) await Promise.resolve();
  }
}

describe('a terminal', () => {
  test('copies both ways and leaves the outer one as it was', async () => {
    const scene = new Scene();
    const terminal = new Terminal(scene.native, MASTER);
    terminal.start();
    await scene.give(0, 'ls\r');
    await scene.give(MASTER, 'a\r\n', 'b\r\n');
    await scene.give(MASTER, -EIO);
    await terminal.finish();
    expect(scene.written.get(MASTER)).toBe('ls\r');
    expect(scene.written.get(1)).toBe('a\r\nb\r\n');
    expect(scene.calls).toEqual([`size ${MASTER} 100x40`, 'raw 0', 'restore 0', `close ${MASTER}`]);
  });

  test('loses nothing when only a part is taken, and nothing when nothing is', async () => {
    const scene = new Scene();
    const terminal = new Terminal(scene.native, MASTER);
    terminal.start();
    scene.room.push(1, 0, 0, 2);
    await scene.give(0, 'input');
    scene.room.push(0, 1, 0, 3);
    await scene.give(MASTER, 'output');
    await terminal.finish();
    expect(scene.written.get(MASTER)).toBe('input');
    expect(scene.written.get(1)).toBe('output');
  });

  test('delivers what the process printed last, also while others keep it open', async () => {
    const scene = new Scene();
    const terminal = new Terminal(scene.native, MASTER);
    terminal.start();
    await scene.give(MASTER, 'first');
    // Printed just before the end: nobody has been woken for it yet.
    scene.readable.get(MASTER)!.push(Buffer.from(' last'));
    await terminal.finish();
    expect(scene.written.get(1)).toBe('first last');
  });

  test('hands on the end of the input', async () => {
    for (const [typed, expected] of [
      ['line\n', 'line\n\x04'],
      ['part', 'part\x04\x04'],
    ] as const) {
      const scene = new Scene();
      const terminal = new Terminal(scene.native, MASTER);
      terminal.start();
      await scene.give(0, typed, '');
      await scene.give(0, '');
      expect(scene.written.get(MASTER)).toBe(expected);
      await terminal.finish();
    }
  });

  test('works without an outer one', async () => {
    const scene = new Scene();
    scene.outer = false;
    const terminal = new Terminal(scene.native, MASTER);
    terminal.start();
    terminal.resize();
    await scene.give(MASTER, 'x');
    await terminal.finish();
    expect(scene.written.get(1)).toBe('x');
    expect(scene.calls).toEqual([`close ${MASTER}`]);
  });

  test('is restored when something fails before the end', () => {
    const scene = new Scene();
    const terminal = new Terminal(scene.native, MASTER);
    terminal.start();
    terminal.close();
    expect(scene.calls).toContain('restore 0');
  });
});
