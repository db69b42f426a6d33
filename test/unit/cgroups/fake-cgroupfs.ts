/**
 * A cgroup v2 hierarchy in memory behind the part of Native that src/cgroups
 * uses. Any other call of Native throws.
 *
 * Time stands still: a wait ends with an event that `onWait` brings about, or
 * else at its timeout, which moves the clock.
 */

import {
  CGROUP2_SUPER_MAGIC,
  EBADF,
  EBUSY,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOTDIR,
  ESRCH,
  POLLERR,
  POLLPRI,
} from '../../../src/native/constants.js';
import type { Native, Stat } from '../../../src/native/types.js';

interface Group {
  procs: number[];
  frozen: boolean;
  /** Controllers in cgroup.subtree_control. */
  subtree: Set<string>;
  /** What was written to the files of controllers. */
  values: Map<string, string>;
  /** cgroup.type */
  type: string;
}

function newGroup(procs: number[], frozen = false): Group {
  return { procs, frozen, subtree: new Set(), values: new Map(), type: 'domain' };
}

/** Files of controllers, and what a new cgroup has in them. */
const CONTROLLER_FILES: Readonly<Record<string, string>> = {
  'cpu.idle': '0',
  'cpu.max': 'max 100000',
  'cpu.max.burst': '0',
  'cpu.weight': '100',
  'cpuset.cpus': '',
  'cpuset.mems': '',
  'hugetlb.2MB.max': 'max',
  'hugetlb.2MB.rsvd.max': 'max',
  'io.max': '',
  'io.weight': 'default 100',
  'memory.current': '0',
  'memory.high': 'max',
  'memory.low': '0',
  'memory.max': 'max',
  'memory.swap.max': 'max',
  'pids.max': 'max',
};

interface OpenFile {
  path: string;
  data: string;
  /** What cgroup.events said when it was last read: an event is a difference to it. */
  seen: string;
}

/** The files of a cgroup, without a value of their own here. */
const OTHER_FILES = ['cgroup.threads', 'cpu.stat'];

const STRERROR: Record<number, string> = {
  1: 'operation not permitted',
  2: 'no such file or directory',
  7: 'argument list too long',
  11: 'resource temporarily unavailable',
  13: 'permission denied',
  16: 'device or resource busy',
  20: 'not a directory',
  22: 'invalid argument',
  30: 'read-only file system',
};

export class FakeCgroupfs {
  readonly groups = new Map<string, Group>();
  /** Calls in order, as `name path`. */
  readonly log: string[] = [];
  readonly signals: [pid: number, signal: number][] = [];
  readonly owners = new Map<string, number>();
  readonly openFiles = new Map<number, OpenFile>();
  /** Other files of the host. */
  readonly files = new Map<string, string>();
  readonly statfs = new Map<string, number>();
  /** Errnos that calls give, by `name path`. */
  readonly failures = new Map<string, number>();
  /** Files of CONTROLLER_FILES that this kernel does not have. */
  readonly missing = new Set<string>();
  /** Every write that went well, as `path=value`. */
  readonly written: string[] = [];
  /** Controllers of the hierarchy. */
  controllers: string[] = [];
  /** cgroup.kill exists (Linux 5.14). */
  hasKill = true;
  /** Called for each wait; what it changes is the event. */
  onWait: () => void = () => undefined;
  /** What flock(2) says. */
  flock: () => number = () => 0;
  waits: { fd: number; timeoutMs: number }[] = [];
  nowMs = 1000;
  private readonly cancelled = new Set<number>();
  private nextFd = 10;

  constructor(readonly root: string) {
    this.groups.set(root, newGroup([]));
  }

  add(path: string, ...procs: number[]): void {
    this.groups.set(path, newGroup(procs));
  }

  addFrozen(path: string, ...procs: number[]): void {
    this.groups.set(path, newGroup(procs, true));
  }

  /** What a file of a controller holds; undefined when it was not written to. */
  value(path: string): string | undefined {
    const [group, , file] = this.split(path);
    return group?.values.get(file);
  }

  private available(directory: string): string[] {
    if (directory === this.root) return this.controllers;
    const parent = this.groups.get(directory.slice(0, directory.lastIndexOf('/')));
    return [...(parent?.subtree ?? [])];
  }

  private hasFile(directory: string, name: string): boolean {
    return (
      name in CONTROLLER_FILES &&
      !this.missing.has(name) &&
      directory !== this.root &&
      this.available(directory).includes(name.slice(0, name.indexOf('.')))
    );
  }

  get native(): Native {
    const calls: Partial<Native> = {
      mkdir: (path) => this.failure('mkdir', path) ?? this.mkdir(path),
      rmdir: (path) => this.failure('rmdir', this.at(path)) ?? this.rmdir(this.at(path)),
      open: (path) => this.failure('open', path) ?? this.open(path),
      flock: () => this.flock(),
      fstat: () => ({ ino: 42n }) as Stat,
      stat: (path) => (this.groups.has(path) ? ({ ino: 1n } as Stat) : -ENOENT),
      rmdirAt: (fd, name) => {
        const path = this.below(fd, name);
        return this.failure('rmdir', path) ?? this.rmdir(path);
      },
      openat: (fd, name) => this.open(this.below(fd, name)),
      close: (fd) => (this.openFiles.delete(fd) ? 0 : -EBADF),
      read: (fd) => this.read(fd),
      readText: (path) => this.failure('readText', this.at(path)) ?? this.contents(this.at(path)),
      writeText: (path, data) => this.failure('writeText', path) ?? this.writeText(path, data),
      readdir: (path) => this.readdir(this.at(path)),
      directories: (path) => this.directories(this.at(path)),
      access: (path) => this.failure('access', path) ?? this.access(path),
      chown: (path, uid) => {
        const status = this.failure('chown', path) ?? this.access(path);
        if (status === 0) this.owners.set(path, uid);
        return status;
      },
      kill: (pid, signal) => {
        this.signals.push([pid, signal]);
        let found = false;
        for (const group of this.groups.values()) {
          if (!group.procs.includes(pid)) continue;
          found = true;
          if (signal === 9) group.procs = group.procs.filter((other) => other !== pid);
        }
        return found ? 0 : -ESRCH;
      },
      statfsType: (path) =>
        this.statfs.get(path) ?? (this.groups.has(path) ? CGROUP2_SUPER_MAGIC : -ENOENT),
      strerror: (errno) => STRERROR[errno] ?? `errno ${errno}`,
      monotonicNs: () => this.nowMs * 1e6,
      wait: (fd, _events, timeoutMs, _keepAlive, callback) => {
        this.waits.push({ fd, timeoutMs });
        this.onWait();
        const file = this.openFiles.get(fd);
        const changed = file !== undefined && this.contents(file.path) !== file.seen;
        const handle = this.waits.length;
        if (!changed && timeoutMs < 0) return handle;
        if (!changed) this.nowMs += timeoutMs;
        void Promise.resolve().then(() => {
          if (!this.cancelled.has(handle)) callback(changed ? POLLPRI | POLLERR : 0);
        });
        return handle;
      },
      cancelWait: (handle) => this.cancelled.add(handle),
    };
    return new Proxy(calls as Native, {
      get(target, name) {
        const call: unknown = Reflect.get(target, name);
        if (call === undefined) throw new Error(`unexpected call of ${String(name)}`);
        return call;
      },
    });
  }

  /** The path behind one through /proc/self/fd. */
  private at(path: string): string {
    const fd = /^\/proc\/self\/fd\/(\d+)(?=\/|$)/.exec(path);
    if (fd === null) return path;
    return (this.openFiles.get(Number(fd[1]))?.path ?? '') + path.slice(fd[0].length);
  }

  private failure(name: string, path: string): number | undefined {
    this.log.push(`${name} ${path}`);
    const errno = this.failures.get(`${name} ${path}`);
    return errno === undefined ? undefined : -errno;
  }

  private children(path: string): string[] {
    return [...this.groups.keys()].filter(
      (other) => other.startsWith(`${path}/`) && !other.includes('/', path.length + 1),
    );
  }

  private populated(path: string): boolean {
    const own = (this.groups.get(path)?.procs.length ?? 0) > 0;
    return own || this.children(path).some((child) => this.populated(child));
  }

  private descendants(path: string): number {
    return [...this.groups.keys()].filter((other) => other.startsWith(`${path}/`)).length;
  }

  private split(path: string): [group: Group | undefined, directory: string, file: string] {
    const slash = path.lastIndexOf('/');
    const directory = path.slice(0, slash);
    return [this.groups.get(directory), directory, path.slice(slash + 1)];
  }

  private contents(path: string): string | number {
    const file = this.files.get(path);
    if (file !== undefined) return file;
    const [group, directory, name] = this.split(path);
    if (group === undefined) {
      return this.groups.has(directory.slice(0, directory.lastIndexOf('/'))) &&
        directory.endsWith('cgroup.procs')
        ? -ENOTDIR
        : -ENOENT;
    }
    switch (name) {
      case 'cgroup.events':
        return `populated ${this.populated(directory) ? 1 : 0}\nfrozen ${group.frozen ? 1 : 0}\n`;
      case 'cgroup.freeze':
        return group.frozen ? '1\n' : '0\n';
      case 'cgroup.stat':
        return `nr_descendants ${this.descendants(directory)}\nnr_dying_descendants 0\n`;
      case 'cgroup.procs':
        return group.procs.map((pid) => `${pid}\n`).join('');
      case 'cgroup.controllers':
        return `${this.available(directory).join(' ')}\n`;
      case 'cgroup.subtree_control':
        return `${[...group.subtree].join(' ')}\n`;
      case 'cgroup.type':
        return `${group.type}\n`;
      default:
        if (this.hasFile(directory, name)) {
          return `${group.values.get(name) ?? CONTROLLER_FILES[name] ?? ''}\n`;
        }
        return OTHER_FILES.includes(name) ? '' : -ENOENT;
    }
  }

  private access(path: string): number {
    if (this.groups.has(path)) return 0;
    const contents = this.contents(path);
    return typeof contents === 'number' ? contents : 0;
  }

  private mkdir(path: string): number {
    if (this.access(path) === 0) return -EEXIST;
    const [parent] = this.split(path);
    if (parent === undefined) return -ENOENT;
    this.add(path);
    return 0;
  }

  private rmdir(path: string): number {
    if (!this.groups.has(path)) return -ENOENT;
    if (this.populated(path) || this.children(path).length > 0) return -EBUSY;
    this.groups.delete(path);
    return 0;
  }

  private open(path: string): number {
    if (this.access(path) < 0) return -ENOENT;
    const contents = this.contents(path);
    const data = typeof contents === 'string' ? contents : '';
    const fd = this.nextFd++;
    this.openFiles.set(fd, { path, data, seen: '' });
    return fd;
  }

  private read(fd: number): Uint8Array | number {
    const file = this.openFiles.get(fd);
    if (file === undefined) return -EBADF;
    const contents = this.contents(file.path);
    if (typeof contents === 'number') return -ENODEV;
    file.seen = contents;
    return Uint8Array.from(contents, (letter) => letter.charCodeAt(0));
  }

  private writeText(path: string, data: string): number {
    const [group, directory, name] = this.split(path);
    if (group === undefined) return -ENOENT;
    const status = this.write(group, directory, name, data);
    if (status === 0) this.written.push(`${path}=${data}`);
    return status;
  }

  private write(group: Group, directory: string, name: string, data: string): number {
    if (name === 'cgroup.subtree_control') {
      const names = data.split(' ').map((word) => word.slice(1));
      if (names.some((controller) => !this.available(directory).includes(controller)))
        return -ENOENT;
      if (directory !== this.root && group.procs.length > 0) return -EBUSY;
      for (const controller of names) group.subtree.add(controller);
      return 0;
    }
    if (name === 'cgroup.type') {
      group.type = data;
      return 0;
    }
    if (this.hasFile(directory, name)) {
      group.values.set(name, data.trim());
      return 0;
    }
    if (name === 'cgroup.freeze') {
      group.frozen = data === '1';
      return 0;
    }
    if (name === 'cgroup.kill' && this.hasKill) {
      if (data !== '1') return -EINVAL;
      for (const [other, { procs }] of this.groups) {
        if (other === directory || other.startsWith(`${directory}/`)) procs.length = 0;
      }
      return 0;
    }
    return -ENOENT;
  }

  private readdir(path: string): string[] | number {
    if (!this.groups.has(path)) return -ENOENT;
    return [
      ...OTHER_FILES,
      'cgroup.events',
      'cgroup.freeze',
      'cgroup.stat',
      'cgroup.procs',
      ...this.children(path).map((child) => child.slice(path.length + 1)),
    ];
  }

  private directories(path: string): Uint8Array[] | number {
    if (!this.groups.has(path)) return -ENOENT;
    const names = this.children(path).map((child) => child.slice(path.length + 1));
    return names.map((name) => Uint8Array.from(name, (letter) => letter.charCodeAt(0)));
  }

  private below(fd: number, name: string | Uint8Array): string {
    const at = this.openFiles.get(fd)?.path ?? '';
    const text = typeof name === 'string' ? name : String.fromCharCode(...name);
    return text === '..' ? at.slice(0, at.lastIndexOf('/')) : `${at}/${text}`;
  }
}
