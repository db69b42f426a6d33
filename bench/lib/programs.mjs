// The programs of bench/c/: compiled once, and the one that measures.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Compiles bench/c/NAME.c, static as the executable is; its path. */
export function compile(name, directory) {
  const source = join(import.meta.dirname, '../c', `${name}.c`);
  const program = join(directory, name);
  execFileSync('cc', [
    '-O2',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-static',
    '-s',
    '-o',
    program,
    source,
  ]);
  return program;
}

/** The absolute path of a program, or undefined. */
export function find(name) {
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** What a program says when it is asked for its version. */
export function versionOf(command, ...args) {
  const { stdout, status } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n', 1)[0].trim() : 'unknown';
}

/** Runs commands through c/timer.c. A command that fails is an error with what it wrote. */
export class Timer {
  #child;
  #lines;
  #log;

  constructor(directory) {
    this.#log = join(directory, 'stderr');
    const log = openSync(this.#log, 'a');
    this.#child = spawn(compile('timer', directory), [], { stdio: ['pipe', 'pipe', log] });
    closeSync(log);
    this.#child.stdin.on('error', () => {
      // It has ended; who waits for its answer is told.
    });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /**
   * Runs the commands, `jobs` of them at a time.
   *
   * @param commands each a list of words, the first an absolute path
   * @returns milliseconds altogether, and of each command milliseconds and peak memory in KiB
   */
  async run(commands, jobs = 1) {
    truncateSync(this.#log);
    const words = commands.map(
      (words) => `${words.length}\n${words.map((w) => `${w}\0`).join('')}`,
    );
    this.#child.stdin.write(`${jobs} ${commands.length}\n${words.join('')}`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the timer has ended: ${readFileSync(this.#log, 'utf8')}`);
    const [wall, ...times] = value.split(' ');
    return {
      wall: Number(wall) / 1e6,
      each: times.map((text, i) => {
        const [time, status, peak] = text.split(',').map(Number);
        if (status !== 0) {
          const how =
            (status & 0x7f) === 0 ? `exit status ${status >> 8}` : `signal ${status & 0x7f}`;
          const said = readFileSync(this.#log, 'utf8');
          throw new Error(`${commands[i].join(' ')}: ${how}\n${said}`);
        }
        return { time: time / 1e6, peak };
      }),
    };
  }

  /** Runs one command: milliseconds and KiB. */
  async one(...command) {
    return (await this.run([command])).each[0];
  }

  end() {
    this.#child.stdin.end();
  }
}
