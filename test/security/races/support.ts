/**
 * Races for paths: an attacker in one container exchanges directories of a
 * shared volume for links that lead to a directory of the host, while others
 * are created on that volume.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeBundle } from '../../support/bundle.js';
import type { Bundle } from '../../support/bundle.js';
import { COMMAND, makeRuntime, newId, runProgram } from '../../support/tsrun.js';
import type { Runtime } from '../../support/tsrun.js';
import type { Spec } from '../../../src/spec/types.js';
import { compileAttacker } from '../attackers/compile.js';

export const TRIES = 10_000;

/** Paths that are exchanged: so many tries are in one container. */
export const PAIRS = 100;

/** Node takes 50 times as long, and the helper that resolves paths is the same file. */
export const ON_NODE = COMMAND[0] === process.execPath;

/** What is tried in a container. */
export interface Kind {
  name: string;
  /** Asks for one thing below `/vol/dK`; `round` makes names that no earlier try has made. */
  ask(spec: Spec, directory: string, round: number): void;
  /**
   * How many of the things that were asked for are where the container sees
   * them; undefined when only what is found on the host tells.
   */
  seen?(mountinfo: string): number;
  /** Done when the host's root is no longer there. */
  afterPivot?: true;
}

export interface Outcome {
  tries: number;
  /** Tries after which something was outside of the container, or missing in it. */
  outside: number;
}

/** Does something while the attacker's container runs, which says when it has begun. */
export async function underAttack<T>(
  runtime: Runtime,
  attacker: Bundle,
  action: () => Promise<T>,
): Promise<T> {
  const id = newId();
  const attack = spawn(
    COMMAND[0] ?? '',
    [...COMMAND.slice(1), '--root', runtime.root, 'run', '--bundle', attacker.path, id],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(attack, 'exit');
  await Promise.race([once(attack.stdout, 'data'), ended]);
  try {
    return await action();
  } finally {
    if (attack.exitCode !== null) throw new Error('the attacker ended before its time');
    await runtime(['kill', id, 'KILL']);
    await ended;
  }
}

export class Race {
  private readonly outside = mkdtempSync(join(tmpdir(), 'tsrun-outside-'));
  private readonly victim: Bundle;
  private readonly attacker: Bundle;
  private readonly runtime = makeRuntime();

  constructor() {
    this.victim = makeBundle('cat /proc/self/mountinfo');
    this.attacker = makeBundle(`exec /exchange /mnt ${String(PAIRS)}`);
    compileAttacker('exchange', this.attacker.rootfs);
    // The links lead to the same names within the container, which is where they belong.
    const volume = join(this.victim.rootfs, 'vol');
    for (let i = 0; i < PAIRS; i++) {
      // Of its own: what is a mount already gets no other, and would not be missed.
      const place = join(this.outside, String(i));
      for (const root of ['/', this.victim.rootfs]) this.fill(join(root, place));
      this.fill(join(volume, `d${String(i)}`));
      symlinkSync(place, join(volume, `e${String(i)}`));
    }
    const { spec } = this.attacker;
    spec.mounts?.push({ destination: '/mnt', type: 'bind', source: volume, options: ['rbind'] });
    this.attacker.write();
  }

  private fill(directory: string): void {
    mkdirSync(join(directory, 'x'), { recursive: true });
    writeFileSync(join(directory, 'secret'), 'secret');
  }

  /**
   * Creates containers until `tries` are made, or something landed outside.
   *
   * @param command the runtime that creates them
   */
  async run(kind: Kind, command: readonly string[], tries: number): Promise<Outcome> {
    return underAttack(this.runtime, this.attacker, () => this.create(kind, command, tries));
  }

  private async create(kind: Kind, command: readonly string[], tries: number): Promise<Outcome> {
    const before = this.found();
    const { spec } = this.victim;
    const original = JSON.stringify(spec);
    const outcome: Outcome = { tries: 0, outside: 0 };
    for (let round = 0; outcome.tries < tries && outcome.outside === 0; round++) {
      Object.assign(spec, JSON.parse(original));
      for (let i = 0; i < PAIRS; i++) kind.ask(spec, `/vol/d${String(i)}`, round);
      this.victim.write();
      const root = ['--root', this.runtime.root];
      const result = await runProgram([
        ...command,
        ...[...root, 'run', '--bundle', this.victim.path, newId()],
      ]);
      const made = this.found() === before ? 0 : 1;
      if (made === 0 && (result.status !== 0 || result.stderr !== '')) {
        throw new Error(`the container was not created: ${result.stderr}`);
      }
      outcome.tries += PAIRS;
      const missing = kind.seen === undefined ? 0 : PAIRS - kind.seen(result.stdout);
      outcome.outside = missing + made;
    }
    Object.assign(spec, JSON.parse(original));
    return outcome;
  }

  private found(): string {
    return readdirSync(this.outside, { recursive: true }).sort().join();
  }

  async remove(): Promise<void> {
    await this.runtime.clean();
    this.victim.remove();
    this.attacker.remove();
    rmSync(this.outside, { recursive: true, force: true });
  }
}

export function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
