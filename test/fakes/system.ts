/**
 * A system in memory for unit tests: files, cgroups, locks, processes and
 * helpers that do what their steps say, or what the test wants them to.
 *
 * Every call can be made to fail, which is the point of it: failNth().
 */

import type { Step } from '../../src/plan/steps.js';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  EAGAIN,
  EBADF,
  ECHILD,
  EEXIST,
  EFBIG,
  EINVAL,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENXIO,
  ESRCH,
  EWOULDBLOCK,
  LOCK_EX,
  LOCK_UN,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
} from '../../src/native/constants.js';
import {
  CGROUP2_SUPER_MAGIC,
  NSFS_MAGIC,
  PROC_SUPER_MAGIC,
  SIGKILL,
  TMPFS_MAGIC,
} from '../../src/native/constants.js';
import { FakeSystemd } from './systemd.js';
import { CGROUP_ROOT, FakeCgroups } from './cgroups.js';
import { FakeFiles, parentOf, statOf } from './files.js';
import type { FakeNode } from './files.js';
import type { ExitInfo, Message, Native, SpawnRequest } from '../../src/native/types.js';

/** Calls that cannot fail, or whose failure says nothing: failNth() passes over them. */
const INFALLIBLE: ReadonlySet<string> = new Set([
  'close',
  // Says how it failed in what it returns.
  'compileSeccomp',
  'digest',
  'closeBus',
  'cancelWait',
  'getpid',
  'getuid',
  'getgid',
  'isTerminal',
  'monotonicNs',
  'operations',
  'reap',
  'seccompFlagWorks',
  'seccompSystem',
  'seccompVersion',
  'strerror',
  'systemCallNumber',
]);

export interface FakeProcess {
  pid: number;
  startTime: number;
  state: string;
  /** As a process has it that has executed nothing yet; its program's otherwise. */
  helper?: boolean;
  /** A child of the caller's: can be reaped. */
  child: boolean;
  reaped: boolean;
  exit?: ExitInfo;
  request?: SpawnRequest;
}

interface Helper {
  process: FakeProcess;
  steps: readonly Step[];
  at: number;
  waiting: boolean;
  ended: boolean;
}

type Fd =
  | { kind: 'node'; path: string; node: FakeNode; offset: number; lock: number }
  | { kind: 'pidfd'; process: FakeProcess }
  | { kind: 'socket'; helper: Helper }
  | { kind: 'gate'; said: string }
  | { kind: 'other'; content: string };

interface Waiter {
  fd: number;
  callback: (events: number) => void;
}

export class FakeSystem {
  readonly files = new FakeFiles();
  readonly systemd = new FakeSystemd({
    enter: (path, pid) => {
      const names = path.split('/').slice(1);
      names.forEach((_, index) => {
        this.mkdir(`${CGROUP_ROOT}/${names.slice(0, index + 1).join('/')}`, 0o755);
      });
      this.cgroups.enter(`${CGROUP_ROOT}${path}`, pid);
      this.files.put(`/proc/${pid}/cgroup`, 'file', `0::${path}\n`).kernel = true;
    },
    kill: (path) => {
      this.cgroups.kill(`${CGROUP_ROOT}${path}`);
    },
    // With the slices that have become empty.
    remove: (path) => {
      for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
        this.cgroups.remove(`${CGROUP_ROOT}${at}`);
      }
    },
  });
  readonly cgroups = new FakeCgroups(this.files, (pid) => {
    const process = this.processes.get(pid);
    if (process !== undefined) this.end(process, { status: 0, signal: SIGKILL });
  });
  readonly fds = new Map<number, Fd>();
  readonly processes = new Map<number, FakeProcess>();
  /** Programs that hooks and the like run, by path: their exit; others exit with 0. */
  readonly programs = new Map<string, ExitInfo | 'hangs'>();
  /** Paths of the programs that were run, in order. */
  readonly ran: string[] = [];
  /** Makes a step of a helper fail. */
  failStep: (step: Step) => { errno: number; code?: number; text?: string } | undefined = () =>
    undefined;
  /** What the process says behind the gate. */
  gateSays = '0';
  /** Whether the process behind the gate reads its bytes, and then executes the program; else it dies. */
  passes: 'neither' | 'gate' | 'both' = 'both';
  /** Names of the calls so far that failNth() counts. */
  readonly calls: string[] = [];
  uid = 0;
  now = 1e9;

  private failing: { nth: number; errno: number } | undefined;
  private readonly waiters = new Map<number, Waiter>();
  private nextFd = 10;
  private nextPid = 1000;
  private nextHandle = 1;
  /** Who has a fifo open for reading. */
  private readonly readers = new Map<FakeNode, FakeProcess>();

  constructor() {
    this.files.pathOf = (fd) => {
      const open = this.fds.get(fd);
      return open?.kind === 'node' ? open.path : undefined;
    };
    this.files.put('/proc/self/cgroup', 'file', '0::/\n');
    this.files.put('/proc/self/mountinfo', 'file', '');
    this.files.put('/proc/self/status', 'file', status('000001ffffffffff'));
    this.files.put('/proc/sys/kernel/cap_last_cap', 'file', '40\n');
    this.files.put(
      '/proc/sys/kernel/random/uuid',
      'file',
      '01234567-89ab-4cde-8f01-23456789abcd\n',
    );
    this.files.put('/proc/sys/kernel/random/boot_id', 'file', 'b0070000-1234\n');
    this.files.put('/etc/passwd', 'file', 'root:x:0:0:root:/root:/bin/sh\n');
    this.files.put('/proc/self/fdinfo', 'directory');
    this.files.put('/proc/self/ns/user').ino = 0xeffffffdn;
    for (const name of ['net', 'ipc', 'uts', 'mnt', 'pid', 'cgroup', 'time']) {
      this.files.put(`/proc/self/ns/${name}`);
    }
    this.addProcess({ pid: 1, child: false });
  }

  /** The nth fallible call from now on (from 1) returns -errno and does nothing else. */
  failNth(nth: number, errno: number): void {
    this.calls.length = 0;
    this.failing = { nth, errno };
  }

  /** The interface, with the failures. */
  get native(): Native {
    return new Proxy(this.implementation(), {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof name !== 'string' || typeof member !== 'function' || INFALLIBLE.has(name)) {
          return member;
        }
        return (...args: unknown[]): unknown => {
          this.calls.push(name);
          if (this.calls.length === this.failing?.nth) return -this.failing.errno;
          return Reflect.apply(member, target, args);
        };
      },
    });
  }

  addProcess({ pid, child }: { pid: number; child: boolean }): FakeProcess {
    const process = { pid, startTime: 5000 + pid, state: 'S', child, reaped: false };
    this.processes.set(pid, process);
    this.showProcess(process);
    return process;
  }

  /** As a process does that waits at the gate. */
  readFifo(path: string, process: FakeProcess): void {
    const node = this.files.get(path);
    if (node !== undefined) this.readers.set(node, process);
  }

  /** Ends a process; it stays a zombie until it is reaped, when it is a child. */
  end(process: FakeProcess, exit: ExitInfo = { status: 0, signal: 0 }): void {
    if (process.exit !== undefined) return;
    process.exit = exit;
    process.state = 'Z';
    this.cgroups.leave(process.pid);
    if (process.child) this.showProcess(process);
    else this.forget(process);
    this.wake();
  }

  alive(): FakeProcess[] {
    return [...this.processes.values()].filter(({ pid, exit }) => pid !== 1 && exit === undefined);
  }

  /** Processes that ended and that nobody reaped. */
  zombies(): FakeProcess[] {
    return [...this.processes.values()].filter(
      ({ child, exit, reaped }) => child && exit !== undefined && !reaped,
    );
  }

  private showProcess({ pid, state, startTime, helper = false }: FakeProcess): void {
    const zeros = Array.from({ length: 18 }, () => '0').join(' ');
    // A name as hostile as a process can give itself.
    const text = `${pid} (${helper ? 'tsrun/helper' : 'a) R (b'}) ${state} ${zeros} ${startTime} 0 0\n`;
    for (const name of ['stat', 'oom_score_adj', 'uid_map', 'gid_map', 'setgroups']) {
      const path = `/proc/${pid}/${name}`;
      if (name === 'stat' || this.files.get(path) === undefined) {
        this.files.put(path, 'file', name === 'stat' ? text : '').kernel = true;
      }
    }
    const links = `/proc/${pid}/ns`;
    if (this.files.get(links) === undefined) this.files.put(`${links}/user`);
    if (this.files.get(`/proc/${pid}/root`) === undefined) {
      this.files.put(`/proc/${pid}/root`, 'link', '/');
    }
    for (const path of [`/proc/${pid}/root`, `${links}/user`, links, `/proc/${pid}`, '/proc']) {
      const node = this.files.get(path);
      if (node !== undefined) node.kernel = true;
    }
  }

  private forget(process: FakeProcess): void {
    for (const name of this.files.list(`/proc/${process.pid}`) ?? []) {
      this.files.remove(`/proc/${process.pid}/${name}`);
    }
    this.files.removeDirectory(`/proc/${process.pid}`);
    this.processes.delete(process.pid);
  }

  /** By files, as tests know where to find them. */
  private capabilities(asked: bigint): { effective: bigint; bounding: bigint; last: number } {
    const text = (path: string): string => this.files.get(path)?.content ?? '';
    const mask = (name: string): bigint =>
      BigInt(
        `0x${new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(text('/proc/self/status'))?.[1] ?? '0'}`,
      );
    const last = Number(text('/proc/sys/kernel/cap_last_cap'));
    return { effective: mask('CapEff'), bounding: mask('CapBnd') & asked, last };
  }

  // Helpers.

  private spawn(request: SpawnRequest): { pid: number; pidfd: number; socket: number } {
    const process = this.addProcess({ pid: this.nextPid++, child: true });
    process.request = request;
    process.helper = true;
    this.showProcess(process);
    for (const fd of request.fds) {
      const open = this.fds.get(fd);
      if (open?.kind === 'node' && open.node.type === 'fifo') this.readers.set(open.node, process);
    }
    const cgroup = this.fds.get(request.cgroupFd);
    if (cgroup?.kind === 'node') {
      this.cgroups.enter(cgroup.path, process.pid);
    }
    const helper = { process, steps: request.steps, at: 0, waiting: false, ended: false };
    return {
      pid: process.pid,
      pidfd: this.open({ kind: 'pidfd', process }),
      socket: this.open({ kind: 'socket', helper }),
    };
  }

  /** Another process goes on in the helper's place; its pidfd. */
  private fork(helper: Helper): number {
    const first = helper.process;
    const second = this.addProcess({ pid: this.nextPid++, child: true });
    if (first.request !== undefined) second.request = first.request;
    if (first.helper !== undefined) second.helper = first.helper;
    this.showProcess(second);
    for (const [node, reader] of this.readers) if (reader === first) this.readers.set(node, second);
    const cgroup = this.cgroups.of(first.pid);
    if (cgroup !== undefined) this.cgroups.enter(cgroup, second.pid);
    for (const name of this.files.list(`/proc/${first.pid}`) ?? []) {
      if (name === 'stat') continue;
      const { content = '' } = this.files.get(`/proc/${first.pid}/${name}`) ?? {};
      this.files.put(`/proc/${second.pid}/${name}`, 'file', content).kernel = true;
    }
    helper.process = second;
    helper.waiting = true;
    this.end(first, { status: 0, signal: 0 });
    const fd = this.open({ kind: 'pidfd', process: second });
    this.files.put(`/proc/self/fdinfo/${fd}`, 'file', `Pid:\t${second.pid}\n`).kernel = true;
    return fd;
  }

  /** Walks on to where the helper has something to say. */
  private next(helper: Helper): Message | number {
    if (helper.process.exit !== undefined && !helper.ended) return 0;
    if (helper.waiting) return -EAGAIN;
    if (helper.ended) return 0;
    while (helper.at < helper.steps.length) {
      const index = helper.at++;
      const step = helper.steps[index];
      if (step === undefined) break;
      const base = { step: index, value: 0, code: 0, text: '', fd: -1 };
      const failure = this.failStep(step);
      if (failure !== undefined) {
        this.end(helper.process, { status: 1, signal: 0 });
        helper.ended = true;
        const { errno, code, text } = failure;
        return { ...base, type: 'failed', value: errno, code: code ?? 0, text: text ?? '' };
      }
      if (step.op === 'sync') {
        helper.waiting = true;
        return { ...base, type: 'sync', value: step.point };
      }
      if (step.op === 'fork') return { ...base, type: 'forked', fd: this.fork(helper) };
      if (step.op === 'console') {
        const fd = this.open({ kind: 'other', content: '' });
        return { ...base, type: 'console', fd, text: '/dev/pts/0' };
      }
      if (step.op === 'seccomp' && step.listener) {
        helper.waiting = true;
        return { ...base, type: 'listener', fd: this.open({ kind: 'other', content: '' }) };
      }
      if (step.op === 'lock-tree') {
        helper.waiting = true;
        return {
          ...base,
          type: 'tree',
          value: step.slot,
          fd: this.open({ kind: 'other', content: '' }),
        };
      }
      if (step.op === 'gate') return 0;
      if (step.op === 'find') this.ran.push(step.file);
    }
    helper.ended = true;
    this.runProgram(helper);
    return 0;
  }

  private runProgram({ process, steps }: Helper): void {
    const find = steps.find((step) => step.op === 'find');
    const program = find?.op === 'find' ? this.programs.get(find.file) : undefined;
    process.helper = false;
    this.showProcess(process);
    if (program !== 'hangs') this.end(process, program ?? { status: 0, signal: 0 });
  }

  // Descriptors.

  private open(fd: Fd): number {
    const number = this.nextFd++;
    this.fds.set(number, fd);
    return number;
  }

  private openPath(path: string, flags: number, mode: number): number {
    const itself = this.files.get(path);
    if (itself?.type === 'link' && (flags & O_NOFOLLOW) !== 0) {
      if ((flags & O_PATH) === 0) return -ELOOP;
      return this.open({ kind: 'node', path, node: itself, offset: 0, lock: 0 });
    }
    const found = this.files.follow(path);
    if (found === undefined) {
      if ((flags & O_CREAT) === 0) return -ENOENT;
      const node = this.files.node('file', mode);
      const added = this.files.add(path, node);
      return added < 0 ? added : this.open({ kind: 'node', path, node, offset: 0, lock: 0 });
    }
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    if ((flags & O_DIRECTORY) !== 0 && found.node.type !== 'directory') return -ENOTDIR;
    if ((flags & O_TRUNC) !== 0) found.node.content = '';
    if (found.node.type === 'fifo' && (flags & 3) === 0) {
      const unread = this.passes === 'neither' ? '0' : '';
      const said = path.endsWith('exec.fifo') ? unread : this.gateSays;
      return this.open({ kind: 'gate', said });
    }
    if (found.node.type === 'fifo' && (flags & 3) === O_WRONLY && !this.isRead(found.node)) {
      return -ENXIO;
    }
    return this.open({ kind: 'node', ...found, offset: 0, lock: 0 });
  }

  private isRead(fifo: FakeNode): boolean {
    const reader = this.readers.get(fifo);
    return reader !== undefined && reader.exit === undefined;
  }

  private read(number: number, max: number): Uint8Array | number {
    const fd = this.fds.get(number);
    switch (fd?.kind) {
      case 'node': {
        const part = fd.node.content.slice(fd.offset, fd.offset + max);
        fd.offset += part.length;
        return bytes(part);
      }
      case 'gate': {
        const { said } = fd;
        fd.said = '';
        return bytes(said);
      }
      case 'other':
        return bytes('');
      default:
        return -EBADF;
    }
  }

  private write(number: number, data: string | Uint8Array): number {
    const fd = this.fds.get(number);
    if (fd === undefined) return -EBADF;
    if (fd.kind === 'node') {
      const text = typeof data === 'string' ? data : String.fromCharCode(...data);
      fd.node.content += text;
      const reader = this.readers.get(fd.node);
      if (reader !== undefined) {
        if (this.passes === 'both') reader.helper = false;
        else reader.state = 'Z';
        this.showProcess(reader);
      }
    }
    return data.length;
  }

  private flock(number: number, operation: number): number {
    const fd = this.fds.get(number);
    if (fd?.kind !== 'node') return -EBADF;
    if (operation === LOCK_UN) {
      fd.lock = 0;
      return 0;
    }
    for (const other of this.fds.values()) {
      if (other === fd || other.kind !== 'node' || other.node !== fd.node) continue;
      if (other.lock === LOCK_EX || (other.lock !== 0 && operation === LOCK_EX)) {
        return -EWOULDBLOCK;
      }
    }
    fd.lock = operation;
    return 0;
  }

  // Waiting.

  private ready(number: number): boolean {
    const fd = this.fds.get(number);
    if (fd === undefined) return false;
    // A fifo that nobody has opened for writing yet is not ready.
    if (fd.kind === 'gate') return fd.said !== '';
    return fd.kind !== 'pidfd' || fd.process.exit !== undefined;
  }

  private wait(fd: number, timeout: number, callback: (events: number) => void): number {
    const handle = this.nextHandle++;
    this.waiters.set(handle, { fd, callback });
    if (this.ready(fd)) this.settle(handle, 1);
    else if (timeout >= 0) {
      this.now += timeout * 1e6;
      this.settle(handle, 0);
    }
    return handle;
  }

  private settle(handle: number, events: number): void {
    void Promise.resolve().then(() => {
      const waiter = this.waiters.get(handle);
      if (!this.waiters.delete(handle)) return;
      waiter?.callback(events);
    });
  }

  private wake(): void {
    for (const [handle, { fd }] of this.waiters) if (this.ready(fd)) this.settle(handle, 1);
  }

  private kill(process: FakeProcess | undefined, signal: number): number {
    if (process === undefined || process.exit !== undefined) return -ESRCH;
    if (signal === SIGKILL) this.end(process, { status: 0, signal });
    return 0;
  }

  private reap(number: number): ExitInfo | number {
    const fd = this.fds.get(number);
    if (fd?.kind !== 'pidfd') return -EBADF;
    const { process } = fd;
    if (!process.child || process.reaped) return -ECHILD;
    if (process.exit === undefined) return -EAGAIN;
    process.reaped = true;
    this.forget(process);
    return process.exit;
  }

  private readText(path: string, max: number): string | number {
    const found = this.files.follow(path);
    if (found === undefined) return -ENOENT;
    return found.node.content.length > max ? -EFBIG : found.node.content;
  }

  private writeText(path: string, text: string): number {
    const found = this.files.follow(path);
    if (found === undefined) return -ENOENT;
    found.node.content = text;
    found.node.written?.(text);
    return 0;
  }

  private nodeOf(fd: number): FakeNode | undefined {
    const open = this.fds.get(fd);
    return open?.kind === 'node' ? open.node : undefined;
  }

  /** Path of an entry of the directory that a descriptor has open. */
  private pathAt(fd: number, name: string | Uint8Array): string {
    const entry = typeof name === 'string' ? name : ascii(name);
    if (fd === AT_FDCWD || entry.startsWith('/')) return entry;
    const directory = this.files.pathOf(fd) ?? '/nowhere';
    if (entry === '' || entry === '.') return directory;
    return entry === '..' ? parentOf(directory) : `${directory}/${entry}`;
  }

  private readdir(path: string): string[] | number {
    return this.files.list(path) ?? (this.files.get(path) === undefined ? -ENOENT : -ENOTDIR);
  }

  private readlink(path: string): string | number {
    const fd = /^\/proc\/self\/fd\/(\d+)$/.exec(path)?.[1];
    if (fd !== undefined) return this.files.pathOf(Number(fd)) ?? -ENOENT;
    if (path === '/proc/self') return '1';
    const node = this.files.get(path);
    return node?.type === 'link' ? node.content : -EINVAL;
  }

  private mkdir(path: string, mode: number): number {
    const added = this.files.add(path, this.files.node('directory', mode));
    if (added === 0) this.cgroups.made(path);
    return added;
  }

  /** The same without, for an engine that has no Proxy. */
  implementation(): Native {
    const { files } = this;
    const stat = (node: FakeNode | undefined) => (node === undefined ? -ENOENT : statOf(node));
    return {
      open: (path, flags, mode) => this.openPath(path, flags, mode),
      openat: (fd, name, flags, mode) => this.openPath(this.pathAt(fd, name), flags, mode),
      openInRoot: () => -ENOENT,
      openat2: (fd, path, flags) => this.openPath(this.pathAt(fd, path), flags, 0),
      close: (fd) => (this.fds.delete(fd) ? 0 : -EBADF),
      read: (fd, max) => this.read(fd, max),
      write: (fd, data) => this.write(fd, data),
      writeSome: (fd, data) => this.write(fd, data),
      readText: (path, max) => this.readText(path, max),
      readLastLineAt: (fd, name, max) => {
        const text = this.readText(this.pathAt(fd, name), max);
        if (typeof text === 'number' || text.length < 2) return text;
        return text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
      },
      readTextAt: (fd, name, max) => this.readText(this.pathAt(fd, name), max),
      writeText: (path, text) => this.writeText(path, text),
      writeTextAt: (fd, name, text) => this.writeText(this.pathAt(fd, name), text),
      mkdir: (path, mode) => this.mkdir(path, mode),
      mkdirAt: (fd, name, mode) => this.mkdir(this.pathAt(fd, name), mode),
      rmdir: (path) => this.cgroups.remove(path),
      rmdirAt: (fd, name) => this.cgroups.remove(`${files.pathOf(fd) ?? ''}/${ascii(name)}`),
      directories: (path) => {
        const names = files.list(path) ?? [];
        return names
          .filter((name) => files.get(`${path}/${name}`)?.type === 'directory')
          .map(bytes);
      },
      unlink: (path) => files.remove(path),
      unlinkAt: (fd, name, flags) => {
        const path = this.pathAt(fd, name);
        return (flags & AT_REMOVEDIR) === 0 ? files.remove(path) : this.cgroups.remove(path);
      },
      rename: (from, to) => files.rename(from, to),
      renameAt: (fromFd, from, toFd, to) =>
        files.rename(this.pathAt(fromFd, from), this.pathAt(toFd, to)),
      linkAt: (fromFd, from, toFd, to) => {
        const node = files.get(this.pathAt(fromFd, from));
        return node === undefined ? -ENOENT : files.add(this.pathAt(toFd, to), node);
      },
      mkfifoAt: (fd, name, mode) => files.add(this.pathAt(fd, name), files.node('fifo', mode)),
      readlink: (path) => this.readlink(path),
      readlinkAt: (fd, name) => this.readlink(this.pathAt(fd, name)),
      realpath: (path) => files.follow(path)?.path ?? -ENOENT,
      chown: (path, uid, gid) => {
        const found = files.follow(path);
        if (found === undefined) return -ENOENT;
        if (uid !== -1) found.node.uid = uid;
        if (gid !== -1) found.node.gid = gid;
        return 0;
      },
      stat: (path) => stat(files.follow(path)?.node),
      lstat: (path) => stat(files.get(path)),
      fstat: (fd) => stat(this.nodeOf(fd)),
      fstatAt: (fd, name) => stat(files.get(this.pathAt(fd, name))),
      names: (fd) => {
        const names = this.readdir(this.pathAt(fd, ''));
        return typeof names === 'number' ? names : names.map(bytes);
      },
      readdir: (path) => this.readdir(path),
      statfsType: (path) => {
        if (files.get(path) === undefined) return -ENOENT;
        if (`${path}/`.startsWith(`${CGROUP_ROOT}/`)) return CGROUP2_SUPER_MAGIC;
        return path === '/proc' ? PROC_SUPER_MAGIC : 0;
      },
      fstatfsType: (fd) => {
        const path = this.pathAt(fd, '');
        if (`${path}/`.startsWith(`${CGROUP_ROOT}/`)) return CGROUP2_SUPER_MAGIC;
        return path.startsWith('/run/') ? TMPFS_MAGIC : NSFS_MAGIC;
      },
      fstatfsFlags: () => 0,
      flock: (fd, operation) => this.flock(fd, operation),
      access: (path) => (files.follow(path) === undefined ? -ENOENT : 0),
      memfd: (_name, data) =>
        this.open({ kind: 'other', content: typeof data === 'string' ? data : '' }),
      pipe: () => [
        this.open({ kind: 'other', content: '' }),
        this.open({ kind: 'other', content: '' }),
      ],
      setNonblocking: () => 0,
      namespaceOwner: () => this.openPath('/proc/self/ns/user', 0, 0),
      dup: (fd) => {
        const open = this.fds.get(fd);
        return open === undefined ? -EBADF : this.open(open);
      },
      connectUnix: (path) =>
        files.get(path) === undefined ? -ENOENT : this.open({ kind: 'other', content: '' }),
      bindDatagramAt: (fd, name, mode) => {
        const added = files.add(`${files.pathOf(fd) ?? ''}/${name}`, files.node('socket', mode));
        return added < 0 ? added : this.open({ kind: 'other', content: '' });
      },
      sendUnixDatagram: () => 0,
      sendFd: (socket) => {
        const fd = this.fds.get(socket);
        if (fd?.kind === 'socket') fd.helper.waiting = false;
        return 0;
      },
      receive: (socket) => {
        const fd = this.fds.get(socket);
        return fd?.kind === 'socket' ? this.next(fd.helper) : -EBADF;
      },
      proceed: (socket) => {
        const fd = this.fds.get(socket);
        if (fd?.kind !== 'socket') return -EBADF;
        fd.helper.waiting = false;
        return 0;
      },
      getpid: () => 1,
      getuid: () => [this.uid, this.uid],
      getgid: () => [this.uid, this.uid],
      kill: (pid, signal) => this.kill(this.processes.get(pid), signal),
      pidfdOpen: (pid) => {
        const process = this.processes.get(pid);
        return process === undefined ? -ESRCH : this.open({ kind: 'pidfd', process });
      },
      pidfdKill: (fd, signal) => {
        const open = this.fds.get(fd);
        return open?.kind === 'pidfd' ? this.kill(open.process, signal) : -EBADF;
      },
      reap: (fd) => this.reap(fd),
      reapGroup: () => 0,
      reapOthers: (except) => {
        const ended = this.zombies().filter(({ pid }) => pid !== except);
        for (const process of ended) {
          process.reaped = true;
          this.forget(process);
        }
        return ended.length;
      },
      spawn: (request) => this.spawn(request),
      raiseHardLimit: () => 0,
      setSoftLimit: () => 0,
      setSubreaper: () => 0,
      catchSignals: () => this.open({ kind: 'other', content: '' }),
      monotonicNs: () => this.now,
      capabilities: (asked) => this.capabilities(asked),
      isTerminal: () => false,
      getWindowSize: () => [80, 24],
      setWindowSize: () => 0,
      makeRaw: () => bytes(''),
      restoreTerminal: () => 0,
      openTreeAt: (fd, path) => this.openPath(path === '' ? (files.pathOf(fd) ?? '') : path, 0, 0),
      openTreeIn: (_mountNamespace, path) => this.openPath(path, 0, 0),
      lockTree: (tree) => this.openPath(files.pathOf(tree) ?? '', 0, 0),
      deviceTree: () => this.open({ kind: 'other', content: '' }),
      idMapTree: () => 0,
      loadDeviceProgram: () => this.open({ kind: 'other', content: '' }),
      attachDeviceProgram: () => 0,
      detachDeviceProgram: () => 0,
      devicePrograms: () => [],
      compileSeccomp: () => ({
        error: 0,
        architecture: -1,
        rule: -1,
        name: '',
        // Allows everything.
        program: Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f),
        architectures: [],
        unknown: [],
      }),
      seccompSystem: () => 'fake arch 1 ',
      seccompVersion: () => '0.0.0',
      seccompFlagWorks: () => true,
      systemCallNumber: () => 0,
      digest: (data) => digest(typeof data === 'string' ? data : String.fromCharCode(...data)),
      openBus: () => this.systemd.connect(),
      closeBus: (bus) => this.systemd.close(bus),
      // Nothing comes on it: what systemd has to say is there at once.
      watchBus: () => [-1, 1],
      callBus: (bus, _destination, path, _interfaceName, member, body) =>
        this.systemd.call(bus, path, member, body),
      receiveBus: (bus) => this.systemd.receive(bus),
      strerror: (errno) => `errno ${errno}`,
      operations: () => [],
      wait: (fd, _events, timeout, _keepAlive, callback) => this.wait(fd, timeout, callback),
      cancelWait: (handle) => {
        this.waiters.delete(handle);
      },
    };
  }
}

/** Not a hash of any worth, but of the right form. */
function digest(text: string): string {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (sum * 31 + text.charCodeAt(i)) % 0xffff_ffff;
  return sum.toString(16).padStart(64, '0');
}

function bytes(text: string): Uint8Array {
  const data = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) data[i] = text.charCodeAt(i);
  return data;
}

function ascii(data: Uint8Array): string {
  return String.fromCharCode(...data);
}

function status(capabilities: string): string {
  return `Name:\ttest\nCapEff:\t${capabilities}\nCapBnd:\t${capabilities}\n`;
}
