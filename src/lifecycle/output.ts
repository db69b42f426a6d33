/** Collects what a helper program prints, for the message when it fails. */

import type { Native } from '../native/types.js';
import { EAGAIN, POLLIN } from '../native/constants.js';
import { printable } from '../printable.js';

/** A message is one line; what is beyond this is read and dropped. */
const MAX_KEPT = 2048;
const CHUNK = 4096;
/** At a time, as much as a pipe holds: one that prints without end is not to keep us from its timeout. */
const CHUNKS = 16;

/**
 * Reads a pipe in the background until stop(). Not until its end: a program
 * may leave something behind that keeps the pipe open.
 */
export class OutputReader {
  private text = '';
  private handle = -1;

  /** @param fd the reading end, non-blocking, which stop() closes */
  constructor(
    private readonly native: Native,
    private readonly fd: number,
  ) {
    this.wait();
  }

  /** What was printed so far, as one line. */
  stop(): string {
    if (this.handle >= 0) this.native.cancelWait(this.handle);
    this.handle = -1;
    this.drain();
    this.native.close(this.fd);
    return printable(this.text.replace(/\s+/g, ' ').trim().slice(0, MAX_KEPT));
  }

  private wait(): void {
    this.handle = this.native.wait(this.fd, POLLIN, -1, false, () => {
      this.handle = -1;
      if (this.drain()) this.wait();
    });
  }

  /** @returns whether more may come */
  private drain(): boolean {
    for (let i = 0; i < CHUNKS; i++) {
      const data = this.native.read(this.fd, CHUNK);
      if (typeof data === 'number') return data === -EAGAIN;
      if (data.length === 0) return false;
      if (this.text.length < MAX_KEPT) this.text += latin1(data);
    }
    return true;
  }
}

/** Messages are ASCII in practice; other bytes are shown as one character each. */
function latin1(data: Uint8Array): string {
  let text = '';
  for (const byte of data) text += byte < 0x80 ? String.fromCharCode(byte) : '?';
  return text;
}
