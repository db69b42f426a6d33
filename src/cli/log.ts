/**
 * The log: `--log`, `--log-format`, `--debug`.
 *
 * Managers read the file after a failure (callers.md): containerd takes the
 * last object of level error, podman wants the file to be one object and
 * nothing else. So there is one error at most, debug lines only when asked
 * for, nothing in the file is anything but a log line, and warnings wait in a
 * JSON file for the command's success, for which they are written.
 *
 * Standard error is for people: one plain line for the error whatever the file
 * says. Without a file it is the log itself, in the format that was asked for.
 */

import type { Native } from '../native/types.js';
import { TsrunError } from '../errors.js';
import {
  EAGAIN,
  ENXIO,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_NOCTTY,
  O_NONBLOCK,
  O_WRONLY,
} from '../native/constants.js';
import { escapedJson, printable } from '../printable.js';
import { writeAll } from './output.js';
import type { GlobalOptions } from './table.js';

type Level = 'debug' | 'warning' | 'error';

/** What runc names its default; it stands for having no file. */
const STDERR = '/dev/stderr';

/**
 * How long the end of a command waits for a full pipe to take a line. Who does
 * not read by then is not to keep the command from its exit status.
 */
const PATIENCE_MS = 2000;

/** Without O_NONBLOCK a fifo that nobody reads would be waited for, for ever. */
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

export class Log {
  private fd = -1;
  private json = false;
  private debugging = false;
  private quiet = false;
  /** What a full pipe did not take yet. */
  private readonly pending: { fd: number; line: string }[] = [];

  /** Warnings for a JSON file. */
  private held: string[] = [];

  constructor(private readonly native: Native) {}

  /** @throws TsrunError ERR_STATE when the file cannot be opened: errors then go to standard error alone */
  open(options: GlobalOptions): void {
    this.json = options['log-format'] === 'json';
    this.debugging = options.debug === true;
    const path = options.log;
    if (path === undefined || path === '' || path === STDERR) return;
    const fd = this.native.open(path, FLAGS, 0o644);
    if (fd < 0) {
      // open(2): a fifo without a reader, or a socket.
      const reason =
        fd === -ENXIO ? 'nobody reads from it, or it is a socket' : this.native.strerror(-fd);
      throw new TsrunError('ERR_STATE', `cannot open log file ${path}: ${reason}`, { errno: -fd });
    }
    this.fd = fd;
  }

  /** Whether the file is open as this descriptor. */
  isOpenAs(fd: number): boolean {
    return fd === this.fd;
  }

  /** From here on only an error goes to standard error: its readers take all of it for the answer. */
  keepStderrClean(): void {
    this.quiet = true;
  }

  debug(message: string): void {
    if (this.debugging) this.write('debug', message);
  }

  warn(message: string): void {
    this.write('warning', message);
  }

  /** The error that ends the command; to be called once. */
  error(message: string): void {
    this.held = [];
    this.write('error', message);
    // Who asks for JSON is a program that says itself whose error it is, where it shows this line.
    if (this.fd !== -1) this.emit(2, `${this.json ? '' : 'tsrun: '}${oneLine(message)}\n`);
  }

  /** Gets out what has not been written yet. */
  async flush(): Promise<void> {
    for (const line of this.held.splice(0)) this.emit(this.fd, line);
    let stuck = false;
    for (const { fd, line } of this.pending.splice(0)) {
      // Standard error is waited for as standard output is.
      if (fd === 2) await writeAll(this.native, fd, line);
      else if (!stuck) stuck = (await writeAll(this.native, fd, line, PATIENCE_MS)) === -EAGAIN;
    }
  }

  private write(level: Level, message: string): void {
    if (this.fd !== -1) {
      const time = new Date().toISOString();
      const line = this.json ? jsonLine(level, message, time) : textLine(level, message, time);
      if (this.json && level === 'warning' && !this.debugging) this.held.push(line);
      else this.emit(this.fd, line);
      return;
    }
    if (this.quiet && level !== 'error') return;
    if (this.json) {
      this.emit(2, jsonLine(level, message, new Date().toISOString()));
      return;
    }
    this.emit(2, `tsrun: ${level === 'error' ? '' : `${level}: `}${oneLine(message)}\n`);
  }

  private emit(fd: number, line: string): void {
    if (this.pending.length > 0 || this.native.write(fd, line) === -EAGAIN) {
      this.pending.push({ fd, line });
    }
  }
}

/** One line, whatever a path or an id holds: no line breaks and no escape sequences. */
export function oneLine(message: string): string {
  return printable(message.replace(/\s*\n\s*/g, '; '));
}

export function jsonLine(level: Level, message: string, time: string): string {
  return `${escapedJson(JSON.stringify({ level, msg: message, time }))}\n`;
}

export function textLine(level: Level, message: string, time: string): string {
  const text = escapedJson(JSON.stringify(message));
  return `time=${JSON.stringify(time)} level=${level} msg=${text}\n`;
}
