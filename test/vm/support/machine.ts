/**
 * A virtual machine whose root is the host's own, read-only, with systemd as
 * its first process (test/vm/guest/init). Commands go in by name over a
 * virtio-serial port, and their files lie in a directory that both sides share.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readLines } from './relay.js';
import type { Requirements } from './requirements.js';

const GUEST = join(dirname(fileURLToPath(import.meta.url)), '../guest');

const MEMORY = '4G';
/** Its size alone: it is a sparse file. */
const SCRATCH_BYTES = 8 * 2 ** 30;
const CONSOLE_LINES = 120;

/** With hardware, seconds; emulated on a busy machine with two cores, up to a minute. */
const BOOT_TIMEOUT_MS = { kvm: 20_000, tcg: 240_000 };
type Accelerator = keyof typeof BOOT_TIMEOUT_MS;

const SPEED = {
  kvm: ['-accel', 'kvm', '-cpu', 'max'],
  // A processor that the kernel takes for one on which it can forbid that stores are speculated past:
  // nothing that is emulated says so.
  tcg: [
    ...['-accel', 'tcg,thread=multi,tb-size=512'],
    ...['-cpu', 'max,vendor=AuthenticAMD,family=23,model=49'],
  ],
};

/** What costs time and is not tested. */
const MITIGATIONS = {
  kvm: ['mitigations=off'],
  tcg: [
    ...['nospectre_v1', 'nospectre_v2', 'retbleed=off', 'spec_rstack_overflow=off'],
    'spec_store_bypass_disable=seccomp',
  ],
};

/** What differs between machines. */
export interface MachineOptions {
  /** The guest's first process, a file of test/vm/guest. */
  init?: string;
  /** More of the kernel's command line. */
  kernelArguments?: readonly string[];
}

export interface Machine {
  accelerator: Accelerator;
  /** The host's side of the shared directory; the guest has it at /run/work. */
  share: string;
  /** Asks for a command whose file NAME.cmd is in the share. */
  ask(name: string): void;
  /** Called with the name of each command that has ended. */
  onDone(callback: (name: string) => void): void;
  /** Called when it has ended, or was killed; with what it said last. */
  onDead(callback: (report: string) => void): void;
  /** Kills it. */
  kill(reason: string): void;
  /** Ends it and removes everything of it. */
  remove(): Promise<void>;
}

/**
 * Boots, with hardware virtualisation when it really works here: that cannot
 * be told from /dev/kvm alone.
 *
 * @param fill is called with the shared directory before the guest starts
 */
export async function boot(
  requirements: Requirements,
  fill: (share: string) => void,
  options: MachineOptions = {},
): Promise<Machine> {
  if (existsSync('/dev/kvm')) {
    const machine = new Qemu(requirements, 'kvm', fill, options);
    if (await machine.isUp()) return machine;
    await machine.remove();
  }
  const machine = new Qemu(requirements, 'tcg', fill, options);
  if (await machine.isUp()) return machine;
  const report = machine.report('the guest does not come up');
  await machine.remove();
  throw new Error(report);
}

class Qemu implements Machine {
  readonly share: string;
  private readonly directory = mkdtempSync(join(tmpdir(), 'tsrun-vm-'));
  private readonly processes: { process: ChildProcess; ended: Promise<void> }[] = [];
  private control: Socket | undefined;
  private done: (name: string) => void = () => undefined;
  private dead: (report: string) => void = () => undefined;
  private reason = 'the virtual machine has ended';
  private readonly up: Promise<boolean>;

  constructor(
    requirements: Requirements,
    readonly accelerator: Accelerator,
    fill: (share: string) => void,
    private readonly options: MachineOptions,
  ) {
    this.share = join(this.directory, 'share');
    mkdirSync(this.share);
    try {
      fill(this.share);
    } catch (error) {
      rmSync(this.directory, { recursive: true });
      throw error;
    }
    this.up = this.start(requirements);
  }

  isUp(): Promise<boolean> {
    return this.up;
  }

  ask(name: string): void {
    this.control?.write(`${name}\n`);
  }

  onDone(callback: (name: string) => void): void {
    this.done = callback;
  }

  onDead(callback: (report: string) => void): void {
    this.dead = callback;
  }

  kill(reason: string): void {
    this.reason = reason;
    for (const { process } of this.processes) process.kill('SIGKILL');
  }

  async remove(): Promise<void> {
    this.dead = () => undefined;
    this.kill('removed');
    this.control?.destroy();
    for (const { ended } of this.processes) await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }

  report(reason: string): string {
    const lines = this.text('console').trimEnd().split('\n').slice(-CONSOLE_LINES);
    const said = ['qemu', 'virtiofsd-ROOTFS', 'virtiofsd-work'].map((name) => this.text(name));
    return `${reason}\n${said.join('')}its console:\n${lines.join('\n')}`;
  }

  private text(name: string): string {
    const path = this.path(`${name}.log`);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  private path(name: string): string {
    return join(this.directory, name);
  }

  /** @returns whether the agent has said that it is ready */
  private async start(requirements: Requirements): Promise<boolean> {
    writeFileSync(this.path('scratch'), '');
    truncateSync(this.path('scratch'), SCRATCH_BYTES);
    this.serve(requirements, 'ROOTFS', '/', ['--cache', 'always', '--readonly']);
    this.serve(requirements, 'work', this.share, ['--cache', 'never']);
    await this.appear('ROOTFS.sock');
    await this.appear('work.sock');
    const qemu = this.run('qemu', requirements.qemu, this.arguments(requirements));

    let onReady: (ready: boolean) => void = () => undefined;
    const ready = new Promise<boolean>((resolve) => (onReady = resolve));
    void qemu.ended.then(() => {
      onReady(false);
      this.dead(this.report(this.reason));
    });
    const timer = setTimeout(onReady, BOOT_TIMEOUT_MS[this.accelerator], false);
    void this.connect(qemu.process, (line) => {
      if (line === 'ready') onReady(true);
      else this.done(line);
    });
    try {
      return await ready;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Starts a program that ends with us, whatever ends us. */
  private run(name: string, file: string, args: string[]) {
    const log = openSync(this.path(`${name}.log`), 'a');
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', file, ...args], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ended = new Promise<void>((resolve) => {
      child.on('error', () => {
        resolve();
      });
      child.on('exit', () => {
        resolve();
      });
    });
    const entry = { process: child, ended };
    this.processes.push(entry);
    return entry;
  }

  private serve(requirements: Requirements, tag: string, path: string, options: string[]): void {
    const socket = ['--socket-path', this.path(`${tag}.sock`), '--shared-dir', path];
    this.run(`virtiofsd-${tag}`, requirements.virtiofsd, [
      ...socket,
      ...options,
      ...['--sandbox', 'none', '--no-announce-submounts', '--log-level', 'error'],
    ]);
  }

  /** Waits for a socket to be made; qemu says what is wrong when it is not. */
  private async appear(name: string): Promise<void> {
    for (let attempt = 0; attempt < 500 && !existsSync(this.path(name)); attempt++) await pause();
  }

  private arguments({ kernel, vmlinuz }: Requirements): string[] {
    const share = (tag: string): string[] => [
      ...['-chardev', `socket,id=${tag},path=${this.path(`${tag}.sock`)}`],
      ...['-device', `vhost-user-fs-pci,chardev=${tag},tag=${tag}`],
    ];
    const { init = 'init', kernelArguments = [] } = this.options;
    const commandLine = [
      ...['rootfstype=virtiofs', 'root=ROOTFS', 'ro', `init=${join(GUEST, init)}`],
      ...['console=ttyS0', 'loglevel=5', 'panic=-1', 'nokaslr'],
      ...MITIGATIONS[this.accelerator],
      ...['no_timer_check', 'cryptomgr.notests', 'audit=0'],
      ...[`tsrun.kernel=${kernel}`, `tsrun.now=${Math.floor(Date.now() / 1000)}`],
      ...kernelArguments,
    ];
    return [
      ...['-machine', 'q35', ...SPEED[this.accelerator], '-smp', '2'],
      ...['-m', MEMORY, '-object', `memory-backend-memfd,id=memory,size=${MEMORY},share=on`],
      ...['-numa', 'node,memdev=memory', '-nodefaults', '-no-user-config', '-no-reboot'],
      ...['-display', 'none', '-serial', `file:${this.path('console.log')}`],
      ...share('ROOTFS'),
      ...share('work'),
      ...['-chardev', `socket,id=control,path=${this.path('control.sock')},server=on,wait=off`],
      ...['-device', 'virtio-serial-pci'],
      ...['-device', 'virtserialport,chardev=control,name=control'],
      ...['-drive', `file=${this.path('scratch')},if=none,id=scratch,format=raw,cache=unsafe`],
      ...['-device', 'nvme,drive=scratch,serial=scratch'],
      ...['-kernel', vmlinuz, '-append', commandLine.join(' ')],
    ];
  }

  /** Reads lines from the control port for as long as qemu lives. */
  private async connect(qemu: ChildProcess, onLine: (line: string) => void): Promise<void> {
    while (qemu.exitCode === null && qemu.signalCode === null) {
      const socket = await tryConnect(this.path('control.sock'));
      if (socket !== undefined) {
        this.control = socket;
        readLines(socket, onLine);
        return;
      }
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      resolve(socket);
    });
    // Later errors come with the end of qemu, which is noticed by itself.
    socket.on('error', () => {
      resolve(undefined);
    });
  });
}
