/** Running scripts in the virtual machine, for test files. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

import type { Spec } from '../../../src/spec/types.js';
import { defaultSpec } from '../../support/bundle.js';
import { boot } from './machine.js';
import type { Machine, MachineOptions } from './machine.js';
import { findRequirements } from './requirements.js';
import { readLines } from './relay.js';
import type { Reply, Request, VmPlace } from './relay.js';

/** The shared directory in the guest. */
export const SHARE = '/run/work';
/** A busybox root file system in the guest, the default `root.path` of guest.bundle(). */
export const ROOTFS = '/run/rootfs';

const SOURCES = join(dirname(fileURLToPath(import.meta.url)), '../guest');

/** An answer takes a third of a second; one that never comes is a hung guest. */
const ANSWER_TIMEOUT_MS = 180_000;

export interface GuestResult {
  /** 128 and the signal where a signal ended it. */
  status: number;
  stdout: string;
  stderr: string;
}

export interface Guest {
  /**
   * Runs a shell script in the guest, as root in /root, with `tsrun` in PATH. The
   * shell is busybox's, and its own commands come before those of PATH: they are
   * in memory already. Name a path for another one (/bin/ps).
   * Several run at once. What it leaves running does not hold up the answer.
   *
   * @throws when the guest does not answer in time; it is killed then, and the
   *   error has its console
   */
  run(script: string, timeoutMs?: number): Promise<GuestResult>;
  /** run() of a script that must end with 0 and print nothing on stderr; what it printed. */
  output(script: string): Promise<string>;
  /** Writes a file into the shared directory; its path in the guest. */
  write(name: string, contents: string | Uint8Array): string;
  /** Compiles test/vm/guest/NAME.c, static; the shared directory then has the program. */
  compile(name: string): void;
  /**
   * A bundle whose container runs `sh -c script` on a read-only busybox.
   *
   * @returns its path in the guest
   */
  bundle(script: string, change?: (spec: Spec) => void): string;
  /** An id of a container that nobody has; afterwards nothing may be left with that name. */
  newId(): string;
}

/**
 * For the top of a test file. Tests are skipped, with the reason, where there
 * is no virtual machine; after each test nothing of it may be left in the guest.
 */
export function useGuest(): Guest {
  const place = JSON.parse(process.env['TSRUN_VM'] ?? '{"skip":"no virtual machine"}') as VmPlace;
  if ('skip' in place) {
    beforeEach((context) => context.skip(place.skip));
    return missingGuest(place.skip);
  }
  return inUse(new ConnectedGuest(), () => connectRelay(place));
}

/**
 * The same of a machine that is booted for this file alone, and ended after it.
 *
 * @param fill puts what the guest needs into the shared directory
 * @param programs of the host that it takes
 */
export function useOwnGuest(
  options: MachineOptions,
  fill: (share: string) => void,
  programs: readonly string[],
): Guest {
  const requirements = findRequirements(programs);
  if (typeof requirements === 'string') {
    beforeEach((context) => context.skip(requirements));
    return missingGuest(requirements);
  }
  return inUse(new ConnectedGuest(), async () => {
    const started = Date.now();
    const machine = await boot(requirements, fill, options);
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`virtual machine of its own: up after ${seconds} s (${machine.accelerator})`);
    return machine;
  });
}

function inUse(guest: ConnectedGuest, connect: () => Promise<Channel>): Guest {
  beforeAll(async () => guest.connect(await connect()));
  afterAll(() => guest.disconnect());
  afterEach(() => guest.cleanUp());
  return guest;
}

function missingGuest(reason: string): Guest {
  const missing = (): never => {
    throw new Error(reason);
  };
  return {
    run: missing,
    output: missing,
    write: missing,
    compile: missing,
    bundle: missing,
    newId: missing,
  };
}

/** A machine of this process, or the one that another process has. remove() ends what is ours. */
type Channel = Omit<Machine, 'accelerator'>;
type RelayPlace = Exclude<VmPlace, { skip: string }>;

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

class ConnectedGuest implements Guest {
  private channel: Channel | undefined;
  private readonly waiters = new Map<string, Waiter>();
  private death: string | undefined;
  private counter = 0;
  private files: string[] = [];
  private ids: string[] = [];

  connect(channel: Channel): void {
    this.channel = channel;
    channel.onDone((name) => this.waiters.get(name)?.resolve());
    channel.onDead((report) => this.die(report));
  }

  async disconnect(): Promise<void> {
    await this.channel?.remove();
  }

  private get share(): string {
    return this.channel?.share ?? '';
  }

  async run(script: string, timeoutMs = ANSWER_TIMEOUT_MS): Promise<GuestResult> {
    if (this.death !== undefined) throw new Error(this.death);
    const name = this.newName('command');
    const file = (kind: string): string => join(this.share, `${name}.${kind}`);
    writeFileSync(file('cmd'), script);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const said = readFileSync(file('out'), 'utf8') + readFileSync(file('err'), 'utf8');
        const reason = `no answer to this for ${timeoutMs / 1000} seconds:\n${script}\nit said:\n${said}`;
        this.channel?.kill(reason);
      }, timeoutMs);
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        this.waiters.delete(name);
        end();
      };
      this.waiters.set(name, {
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      });
      this.channel?.ask(name);
    });
    const result = {
      status: Number(readFileSync(file('rc'), 'utf8')),
      stdout: readFileSync(file('out'), 'utf8'),
      stderr: readFileSync(file('err'), 'utf8'),
    };
    for (const kind of ['cmd', 'rc', 'out', 'err']) rmSync(file(kind));
    return result;
  }

  async output(script: string): Promise<string> {
    const result = await this.run(script);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    return result.stdout;
  }

  write(name: string, contents: string | Uint8Array): string {
    writeFileSync(join(this.share, name), contents);
    this.files.push(join(this.share, name));
    return `${SHARE}/${name}`;
  }

  compile(name: string): void {
    const file = join(this.share, name);
    execFileSync('cc', [
      '-static',
      '-O1',
      '-Wall',
      '-Werror',
      '-o',
      file,
      join(SOURCES, `${name}.c`),
    ]);
    this.files.push(file);
  }

  bundle(script: string, change: (spec: Spec) => void = () => undefined): string {
    const name = this.newName('bundle');
    const spec = defaultSpec(script);
    spec.root = { path: ROOTFS, readonly: true };
    change(spec);
    mkdirSync(join(this.share, name));
    this.files.push(join(this.share, name));
    writeFileSync(join(this.share, name, 'config.json'), JSON.stringify(spec, null, 2));
    return `${SHARE}/${name}`;
  }

  newId(): string {
    const id = this.newName('test');
    this.ids.push(id);
    return id;
  }

  /** Removes what the test has left in the guest, after looking at what that is. */
  async cleanUp(): Promise<void> {
    const ids = this.ids;
    const files = this.files;
    this.ids = [];
    this.files = [];
    try {
      if (ids.length === 0 || this.death !== undefined) return;
      const left = await this.run(`exec /run/left ${ids.join(' ')}`);
      expect(left).toEqual({ status: 0, stdout: '', stderr: '' });
    } finally {
      for (const file of files) rmSync(file, { recursive: true, force: true });
    }
  }

  private newName(kind: string): string {
    this.counter += 1;
    return `${kind}-${process.pid}-${this.counter}`;
  }

  private die(report: string): void {
    this.death ??= report;
    for (const waiter of [...this.waiters.values()]) waiter.reject(new Error(this.death));
  }
}

async function connectRelay({ socket: path, share }: RelayPlace): Promise<Channel> {
  const socket = createConnection(path);
  let done: (name: string) => void = () => undefined;
  let dead: (report: string) => void = () => undefined;
  readLines(socket, (line) => {
    const reply = JSON.parse(line) as Reply;
    if ('dead' in reply) dead(reply.dead);
    else done(reply.done);
  });
  socket.on('close', () => dead('the process that has the virtual machine is gone'));
  await new Promise<void>((resolve, reject) => socket.on('connect', resolve).on('error', reject));
  const send = (request: Request): void => {
    socket.write(`${JSON.stringify(request)}\n`);
  };
  return {
    share,
    ask: (name) => send({ ask: name }),
    kill: (reason) => send({ kill: reason }),
    onDone: (callback) => (done = callback),
    onDead: (callback) => (dead = callback),
    remove: () => {
      socket.removeAllListeners('close');
      socket.destroy();
      return Promise.resolve();
    },
  };
}
