/** The master side of a pseudoterminal, as a person sits at it, and what terminals can be asked. */

import { createReadStream, write } from 'node:fs';
import type { ReadStream } from 'node:fs';

import { call, int } from './libc.js';

export interface Screen {
  /** All that was printed so far. */
  text(): string;
  /** Waits until the pattern is there. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  type(text: string): Promise<void>;
  /** Resolves when nobody has the other side open any more. */
  ended: Promise<void>;
  close(): void;
}

/** @param master closed with the screen */
export function openScreen(master: number): Screen {
  let text = '';
  const listeners = new Set<() => void>();
  const stream: ReadStream = createReadStream('', { fd: master, autoClose: true });
  let over = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      for (const listener of listeners) listener();
      resolve();
    };
    // EIO: the other side is closed.
    stream.on('error', end).on('end', end);
  });
  stream.setEncoding('utf8').on('data', (more) => {
    text += more.toString();
    for (const listener of listeners) listener();
  });
  return {
    text: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(text);
          if (match === null && !over) return;
          listeners.delete(look);
          if (match === null) reject(new Error(`ended without ${pattern.source}: ${text}`));
          else resolve(match);
        };
        listeners.add(look);
        look();
      }),
    type: (typed) =>
      new Promise((resolve, reject) => {
        write(master, typed, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      }),
    ended,
    close: () => {
      stream.destroy();
    },
  };
}

export interface WindowSize {
  rows: number;
  columns: number;
}

const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;

export function setWindowSize(fd: number, { rows, columns }: WindowSize): void {
  const size = Buffer.alloc(128);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  if (int(call('ioctl', fd, TIOCSWINSZ, size)) !== 0) throw new Error('TIOCSWINSZ failed');
}

export function windowSize(fd: number): WindowSize {
  const size = Buffer.alloc(128);
  if (int(call('ioctl', fd, TIOCGWINSZ, size)) !== 0) throw new Error('TIOCGWINSZ failed');
  return { rows: size.readUInt16LE(0), columns: size.readUInt16LE(2) };
}

/** The terminal's settings (struct termios), to compare. */
export function terminalSettings(fd: number): string {
  const settings = Buffer.alloc(128);
  if (int(call('tcgetattr', fd, settings)) !== 0) throw new Error('tcgetattr failed');
  return settings.toString('hex');
}
