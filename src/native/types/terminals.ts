/** Terminals. */

import type { Status } from './results.js';

/** The settings of a terminal (termios(3)), for restoreTerminal(). */
export type TerminalSettings = Uint8Array;

export interface NativeTerminals {
  isTerminal(fd: number): boolean;
  /** [columns, rows] */
  getWindowSize(fd: number): [number, number] | number;
  setWindowSize(fd: number, columns: number, rows: number): Status;
  /** Puts the terminal into raw mode and returns what it was. */
  makeRaw(fd: number): TerminalSettings | number;
  restoreTerminal(fd: number, settings: TerminalSettings): Status;
}
