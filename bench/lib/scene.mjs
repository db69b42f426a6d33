// What the rows share: the runtimes, their state directories, and the rounds.

import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeBundle } from './bundles.mjs';
import { rest, rotate } from './numbers.mjs';

/** Not counted: caches fill. */
const WARM_UP = 3;

const CGROUPS = '/sys/fs/cgroup';

export class Scene {
  /** Times in milliseconds, or what a line's unit says, by line and runtime. */
  samples = new Map();
  #bundles = new Map();

  /**
   * @param options rounds, rest (ms between rounds), idle (ms before each run of the idle rows),
   *   containers (of the rows with many)
   * @param stopped whether to end now
   */
  constructor(work, timer, runtimes, options, stopped) {
    Object.assign(this, { work, timer, runtimes, options, stopped });
    this.prefix = `bench-${process.pid}`;
    for (const runtime of runtimes) {
      runtime.root = join(work, `state-${runtime.name}`);
      mkdirSync(runtime.root);
    }
  }

  get(name) {
    return this.runtimes.find((runtime) => runtime.name === name);
  }

  /** crun, runc and the executable. */
  get compared() {
    return this.runtimes.filter(({ name }) => name !== 'node');
  }

  /** The bundle of that name; made at the first call. */
  bundle(name, args, change) {
    if (!this.#bundles.has(name)) {
      this.#bundles.set(name, makeBundle(join(this.work, `bundle-${name}`), args, change));
    }
    return this.#bundles.get(name);
  }

  id(runtime, n = 0) {
    return `${this.prefix}-${runtime.name}-${n}`;
  }

  command(runtime, ...args) {
    return [...runtime.command, '--root', runtime.root, ...args];
  }

  /** Runs a command of the runtime's: milliseconds and KiB. */
  call(runtime, ...args) {
    return this.timer.one(...this.command(runtime, ...args));
  }

  record(line, name, value) {
    if (!this.samples.has(line)) this.samples.set(line, new Map());
    const byName = this.samples.get(line);
    if (!byName.has(name)) byName.set(name, []);
    byName.get(name).push(value);
  }

  /**
   * The rounds of a row: every subject once in each, beginning with another one
   * each time.
   *
   * @param subjects with a name each
   * @param measure gives the values of a subject by line
   * @param how rounds, and those before that are not counted; rest after a round and idle before
   *   each subject, in ms
   */
  async rounds(subjects, measure, how = {}) {
    const { rounds = this.options.rounds, rest: pause = this.options.rest, idle = 0 } = how;
    const warmUp = how.warmUp ?? Math.min(WARM_UP, rounds);
    for (let round = -warmUp; round < rounds; round += 1) {
      for (const subject of rotate(subjects, round + warmUp)) {
        if (this.stopped()) throw new Error('stopped');
        if (idle > 0) await rest(idle);
        const values = await measure(subject);
        if (round < 0) continue;
        for (const [line, value] of Object.entries(values)) this.record(line, subject.name, value);
      }
      await rest(pause);
    }
  }

  /** Kills and deletes every container of this scene's, also after a failure. */
  async clean() {
    await this.#kill();
    await this.#delete();
    await this.#removeCgroups();
  }

  #cgroups() {
    return readdirSync(CGROUPS).filter((name) => name.startsWith(`${this.prefix}-`));
  }

  async #kill() {
    const groups = this.#cgroups();
    for (const name of groups) writeFileSync(join(CGROUPS, name, 'cgroup.kill'), '1');
    for (const name of groups) {
      while (isPopulated(join(CGROUPS, name))) await rest(1);
    }
  }

  async #delete() {
    for (const runtime of this.runtimes) {
      const ids = readdirSync(runtime.root).filter((name) => name.startsWith(this.prefix));
      const commands = ids.map((id) => this.command(runtime, 'delete', '--force', id));
      if (commands.length > 0) await this.timer.run(commands, 2);
    }
  }

  /** A peer may leave one behind on a busy machine; tsrun may not. */
  async #removeCgroups() {
    const left = this.#cgroups();
    for (const name of left) {
      while (isPopulated(join(CGROUPS, name))) await rest(1);
      rmdirSync(join(CGROUPS, name));
      console.error(`left behind, and removed: cgroup ${name}`);
    }
    const ours = left.filter((name) => /-(tsrun|node)-/.test(name));
    if (ours.length > 0) throw new Error(`tsrun left behind: cgroup ${ours.join(', ')}`);
  }
}

function isPopulated(group) {
  try {
    return /^populated 1$/m.test(readFileSync(join(group, 'cgroup.events'), 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until the process has ended: its reaping is the timer's. */
export async function ended(pid) {
  for (;;) {
    if (!existsSync(`/proc/${pid}/stat`)) return;
    try {
      if (/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return;
    } catch {
      return;
    }
    await rest(1);
  }
}
