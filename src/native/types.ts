/**
 * The one typed interface between the TypeScript core and the system.
 *
 * Convention, the kernel's own: a number below zero is a negated errno and
 * never throws; anything else is the result. A wrong argument type throws a
 * TypeError: that is a bug of ours, not a condition of the system.
 * Every file descriptor that is made here is close-on-exec.
 * Text is UTF-8. A NUL inside a path or a string is refused with -EINVAL.
 */

import type { Step } from '../plan/steps.js';

/** A file descriptor, or a negated errno. */
export type FdOrErrno = number;
/** Zero, or a negated errno. */
export type Status = number;

export interface Stat {
  /** File type and permission bits, st_mode. */
  mode: number;
  uid: number;
  gid: number;
  /** Device of the file system that holds the file, as major and minor. */
  devMajor: number;
  devMinor: number;
  ino: bigint;
  size: number;
  /** Device numbers of a character or block device. */
  rdevMajor: number;
  rdevMinor: number;
}

/** How a child of ours ended. */
export interface ExitInfo {
  /** Exit status 0-255 when it exited, else 0. */
  status: number;
  /** Signal that killed it, 0 when it exited. */
  signal: number;
}

/** What the helper process says on its socket; see docs/architecture.md, protocol. */
export interface Message {
  type: 'sync' | 'failed' | 'forked' | 'console' | 'warning' | 'trace' | 'listener' | 'tree';
  /** Index of the plan step that speaks. */
  step: number;
  /** sync: the SyncPoint. failed: a positive errno. tree: the slot. */
  value: number;
  /** failed: a FailureCode that says more than the errno. */
  code: number;
  /** failed, warning: path or other object that the step was working on. */
  text: string;
  /** forked: a pidfd. console: the terminal's master side. listener: that of a seccomp filter. tree: its mount namespace. Else -1. */
  fd: number;
  /** trace: monotonic nanoseconds at the end of each step, in order. */
  times?: number[];
}

export interface SpawnRequest {
  /** CLONE_NEWPID and CLONE_NEWUSER, or 0. Other namespaces are steps. */
  cloneFlags: number;
  /** CLONE_NEW* that the helper makes before it has the steps (ContainerPlan.earlyNamespaces). */
  earlyNamespaces: number;
  /** cgroup v2 directory that the process is born in, -1 for the caller's. */
  cgroupFd: number;
  /** Descriptors that become 0, 1 and 2; -1 stands for /dev/null. */
  stdio: readonly [number, number, number];
  /** Descriptors that become 3, 4, ... and stay open in the program. */
  preserve: readonly number[];
  /** Descriptors that steps use: element i becomes slot i. They do not survive execve. */
  fds: readonly number[];
  /** Number of slots the steps use in all, those of `fds` included. */
  slots: number;
  steps: readonly Step[];
  /** Ask for a `trace` message before the first ready sync point. */
  trace: boolean;
}

export interface Spawned {
  pid: number;
  pidfd: number;
  /** Our side of the SOCK_SEQPACKET pair. */
  socket: number;
}

/** linux.seccomp with everything resolved, for libseccomp. */
export interface SeccompProfile {
  /** SECCOMP_RET_* with its data. */
  defaultAction: number;
  /** libseccomp's names (`x86_64`); the machine's own is always in. */
  architectures: readonly string[];
  rules: readonly SeccompRule[];
}

export interface SeccompRule {
  names: readonly string[];
  action: number;
  /** Four numbers a comparison, all of which must hold: argument, scmp_compare, and its two values. */
  args: readonly (number | bigint)[];
}

export interface SeccompCompiled {
  /** 0, or the negated errno with which it failed. */
  error: number;
  /** Where: index into architectures or rules, -1 elsewhere, and the name of the call. */
  architecture: number;
  rule: number;
  name: string;
  /** sock_filter instructions of 8 bytes. */
  program: Uint8Array;
  /** libseccomp's number of each architecture, the machine's own first, with the highest number of a call that a rule names (-1 for none). */
  architectures: [number, number][];
  /** Names of calls that libseccomp does not know. */
  unknown: string[];
}

/** A seccomp-, errno- and terminal-independent copy of the terminal settings. */
export type TerminalSettings = Uint8Array;

/**
 * A piece of the body of a bus message, in order: a letter and a text. A basic
 * type of D-Bus (y b n q i u x t s o g) with its value, numbers in decimal and
 * booleans as 0 or 1; or `a`, `v`, `r` (struct), `e` (dictionary entry) with the
 * signature of what follows, up to a piece `)`.
 */
export type BusItem = readonly [code: string, text: string];

export interface BusMessage {
  type: 'reply' | 'error' | 'signal';
  /** reply, error: of the call that it answers. */
  cookie: number;
  /** error: its D-Bus name. signal: its member. */
  name: string;
  /** error: what the other side says. */
  text: string;
  /** Empty for an error. */
  body: BusItem[];
}

/** Events of wait(): a set of POLLIN (1), POLLPRI (2), POLLOUT (4), POLLERR (8), POLLHUP (16). */
export type PollEvents = number;

export interface Native {
  // Files. Paths are the host's. A name is that of an entry of the directory that a descriptor has
  // open: where it is a link, the link is meant and not followed (openat: with O_NOFOLLOW). Bytes
  // are those of a name from directories() or names().
  open(path: string, flags: number, mode: number): FdOrErrno;
  openat(dirfd: number, name: string | Uint8Array, flags: number, mode: number): FdOrErrno;
  /** openat2 with RESOLVE_IN_ROOT: links and `..` stay below dirfd. */
  openInRoot(dirfd: number, path: string, flags: number): FdOrErrno;
  /** openat2(2) with RESOLVE_* as `resolve`. */
  openat2(dirfd: number, path: string, flags: number, resolve: number): FdOrErrno;
  close(fd: number): Status;
  /** At most `max` bytes; an empty array is the end of the file. */
  read(fd: number, max: number): Uint8Array | number;
  /** Writes everything, or fails; -EAGAIN only when nothing was written. */
  write(fd: number, data: string | Uint8Array): number;
  /** One write(2); the number of bytes taken. */
  writeSome(fd: number, data: Uint8Array): number;
  /**
   * A whole regular file as text; -EFBIG when it is longer than `max` bytes,
   * -ESPIPE for what is not a file (a fifo, a terminal ...), without waiting.
   */
  readText(path: string, max: number): string | number;
  /** As readText; -ELOOP for a link, at whichever component. */
  readTextAt(dirfd: number, name: string, max: number): string | number;
  /** The last line alone, with the newline at the end where it has one. */
  readLastLineAt(dirfd: number, name: string, max: number): string | number;
  /** open(O_WRONLY), one write, close: what kernel files want. */
  writeText(path: string, data: string): Status;
  writeTextAt(dirfd: number, path: string, data: string): Status;
  /** A new directory with exactly this mode, whatever the umask is. */
  mkdir(path: string, mode: number): Status;
  mkdirAt(dirfd: number, name: string, mode: number): Status;
  rmdir(path: string): Status;
  /** @param name from directories() */
  rmdirAt(dirfd: number, name: Uint8Array): Status;
  unlink(path: string): Status;
  /** @param flags AT_REMOVEDIR for a directory */
  unlinkAt(dirfd: number, name: string | Uint8Array, flags: number): Status;
  rename(from: string, to: string): Status;
  renameAt(
    fromDirfd: number,
    from: string | Uint8Array,
    toDirfd: number,
    to: string | Uint8Array,
  ): Status;
  linkAt(fromDirfd: number, from: string, toDirfd: number, to: string): Status;
  /** A new fifo with exactly this mode. */
  mkfifoAt(dirfd: number, name: string, mode: number): Status;
  readlink(path: string): string | number;
  /** @param name empty for a link that was opened itself (O_PATH and O_NOFOLLOW) */
  readlinkAt(dirfd: number, name: string): string | number;
  /** Absolute path without links. */
  realpath(path: string): string | number;
  chown(path: string, uid: number, gid: number): Status;
  stat(path: string): Stat | number;
  lstat(path: string): Stat | number;
  fstat(fd: number): Stat | number;
  fstatAt(dirfd: number, name: string): Stat | number;
  /** Names without `.` and `..`, unsorted. */
  readdir(path: string): string[] | number;
  /**
   * The same of the directory that a descriptor has open, as the bytes that they are, which need
   * not be UTF-8. It takes no further descriptor.
   */
  names(fd: number): Uint8Array[] | number;
  /** Those of directories alone, as the bytes that they are, which need not be UTF-8. */
  directories(path: string): Uint8Array[] | number;
  /** f_type of statfs(2). */
  statfsType(path: string): number;
  fstatfsType(fd: number): number;
  /** f_flags of fstatfs(2): ST_* of the mount and of its file system together. */
  fstatfsFlags(fd: number): number;
  /** flock(2) with LOCK_NB added by us: -EWOULDBLOCK when another holds it. */
  flock(fd: number, operation: number): Status;
  /** access(2) with AT_EACCESS. */
  access(path: string, mode: number): Status;
  /** A sealed memory file with these contents, its offset at 0. */
  memfd(name: string, data: string | Uint8Array): FdOrErrno;
  /** Both ends, reading end first. */
  pipe(): [number, number] | number;
  setNonblocking(fd: number, on: boolean): Status;
  dup(fd: number): FdOrErrno;
  /** NS_GET_USERNS (ioctl_nsfs(2)): -EPERM where the caller is neither in that user namespace nor in one above. */
  namespaceOwner(namespace: number): FdOrErrno;

  // Sockets.
  /** A connected unix stream socket. Names over 107 bytes are reached through /proc/self/fd. */
  connectUnix(path: string): FdOrErrno;
  /** A non-blocking unix datagram socket with a new name in a directory, and exactly this mode, whatever the umask is. */
  bindDatagramAt(dirfd: number, name: string, mode: number): FdOrErrno;
  /** One datagram, with one descriptor in SCM_RIGHTS where `fd` is not -1. */
  sendUnixDatagram(path: string, data: string, fd: number): Status;
  /** One sendmsg(2) with one descriptor in SCM_RIGHTS; the number of bytes taken, which on a stream may be fewer. */
  sendFd(socket: number, data: string, fd: number): number;
  /** The helper's next message; 0 at its end, -EAGAIN when there is none yet. */
  receive(socket: number): Message | number;
  /** Let a helper that waits at a sync point go on. */
  proceed(socket: number): Status;

  // Processes.
  getpid(): number;
  /** [real, effective] ids of the caller. */
  getuid(): [number, number];
  getgid(): [number, number];
  kill(pid: number, signal: number): Status;
  pidfdOpen(pid: number): FdOrErrno;
  pidfdKill(pidfd: number, signal: number): Status;
  /** Reaps exactly this child; -EAGAIN while it lives, -ECHILD when it is not ours. */
  reap(pidfd: number): ExitInfo | number;
  /** Reaps the children of this process group that have ended; -EAGAIN while one of them lives. */
  reapGroup(group: number): Status;
  /**
   * Reaps children that have ended, all but the one with this pid: for the
   * command line only, in a program that waits for no other child meanwhile.
   * @returns how many, at most 1024 at a time
   */
  reapOthers(except: number): number;
  spawn(request: SpawnRequest): Spawned | number;
  /** prlimit(2): raises a hard limit that is lower, leaves the soft one and a higher one alone. */
  raiseHardLimit(pid: number, resource: number, hard: bigint): Status;
  /** Soft limit of the caller itself, never above the hard one: for the command line only. */
  setSoftLimit(resource: number, soft: number): Status;
  /** PR_SET_CHILD_SUBREAPER: for the command line only. */
  setSubreaper(on: boolean): Status;
  /** Catches signals and makes them readable, one byte a signal: for the command line only. */
  catchSignals(signals: readonly number[]): FdOrErrno;
  /** CLOCK_MONOTONIC in nanoseconds. */
  monotonicNs(): number;

  /**
   * Effective capabilities and, of those in `asked`, the bounding set as bit masks, and the
   * highest capability of this kernel (capget(2), PR_CAPBSET_READ, a call each):
   * /proc/self/status takes ten times as long.
   */
  capabilities(asked: bigint): { effective: bigint; bounding: bigint; last: number } | number;

  // Terminals.
  isTerminal(fd: number): boolean;
  /** [columns, rows] */
  getWindowSize(fd: number): [number, number] | number;
  setWindowSize(fd: number, columns: number, rows: number): Status;
  /** Puts the terminal into raw mode and returns what it was. */
  makeRaw(fd: number): TerminalSettings | number;
  restoreTerminal(fd: number, settings: TerminalSettings): Status;

  // Mounts and control groups.
  /** open_tree(2). */
  openTreeAt(dirfd: number, path: string, flags: number): FdOrErrno;
  /** The same in a mount namespace, of a path that leads through no magic link (-ELOOP). */
  openTreeIn(mountNamespace: number, path: string, flags: number): FdOrErrno;
  /**
   * A clone of a detached tree with the locks that mounts get in the user namespace of a mount
   * namespace. All mounts of the tree are changed before (mount_setattr(2)), then the first alone.
   * The tree is used up.
   */
  lockTree(
    tree: number,
    mountNamespace: number,
    belowSet: number,
    belowClear: number,
    topSet: number,
    topClear: number,
  ): FdOrErrno;
  /** A detached mount that is a new device node; mode has S_IFCHR or S_IFBLK, and the umask is nothing to it; `label` is SELinux's, empty for none. */
  deviceTree(
    mode: number,
    major: number,
    minor: number,
    uid: number,
    gid: number,
    label: string,
  ): FdOrErrno;
  /** mount_setattr(2) with MOUNT_ATTR_IDMAP on a detached tree, AT_RECURSIVE where asked for. */
  idMapTree(tree: number, userNamespace: number, recursive: boolean): Status;
  /** BPF_PROG_LOAD of a BPF_PROG_TYPE_CGROUP_DEVICE program of 8-byte instructions. */
  loadDeviceProgram(instructions: Uint8Array): FdOrErrno;
  /**
   * Programs of that type that are attached to the cgroup itself, in the order in
   * which they run, by the names they were loaded under; ours are `tsrun`. The
   * descriptors are the caller's to close.
   */
  devicePrograms(cgroupFd: number): { fd: number; name: string }[] | number;
  /** BPF_PROG_DETACH. */
  detachDeviceProgram(cgroupFd: number, programFd: number): Status;
  /** BPF_PROG_ATTACH to a cgroup, BPF_F_ALLOW_MULTI; replaces `replaceFd` when it is not -1. */
  attachDeviceProgram(cgroupFd: number, programFd: number, replaceFd: number): Status;

  // Filters of system calls.
  compileSeccomp(profile: SeccompProfile): SeccompCompiled;
  /** What a compiled filter depends on besides its profile: libseccomp, the architecture, the kernel's abilities. */
  seccompSystem(): string;
  /** Version of the linked libseccomp. */
  seccompVersion(): string;
  /** Whether the kernel takes this SECCOMP_FILTER_FLAG_*. */
  seccompFlagWorks(flag: number): boolean;
  /** Number of a call on this machine; negative for a name that it has no call of. */
  systemCallNumber(name: string): number;
  /** BLAKE2b of 256 bits, in hexadecimal. */
  digest(data: string | Uint8Array): string;
  // Message buses, over sd-bus (sd-bus(3)). None of these waits.
  /**
   * Connects to a bus.
   *
   * @param address in D-Bus's form, `unix:path=...` with special characters escaped
   * @returns a handle, or a negated errno
   */
  openBus(address: string): number;
  closeBus(bus: number): Status;
  /** The descriptor and the events to wait for when receiveBus() says -EAGAIN. */
  watchBus(bus: number): [fd: number, events: PollEvents] | number;
  /** Sends a method call; the cookie that its answer will have. -EINVAL for a body that is malformed. */
  callBus(
    bus: number,
    destination: string,
    path: string,
    interfaceName: string,
    member: string,
    body: readonly BusItem[],
  ): number;
  /** Goes on with sending and receiving; the next message, or -EAGAIN when there is none yet. */
  receiveBus(bus: number): BusMessage | number;

  /** strerror(3) as text of our own, e.g. `no such file or directory`. */
  strerror(errno: number): string;
  /** Names of the operations the native side knows, for the test that compares them with Step. */
  operations(): string[];

  // The asynchronous part.
  /**
   * Calls back once, off the current turn: with the events that came, 0 at the
   * timeout (milliseconds, -1 for none), or a negated errno. A descriptor that
   * cannot be polled (a regular file) is ready at once. `keepAlive` false lets
   * the program end while this waits.
   * @returns a handle for cancelWait, or a negated errno
   */
  wait(
    fd: number,
    events: PollEvents,
    timeoutMs: number,
    keepAlive: boolean,
    callback: (events: number) => void,
  ): number;
  /** The callback of a cancelled wait is never called. */
  cancelWait(handle: number): void;
}
