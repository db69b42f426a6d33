/** Which errors a system call may fail with when the machine is short of something, or broken. */

/** Calls that have no error, or whose error is an answer. */
const NEVER = new Set(
  [
    'exit exit_group rt_sigreturn restart_syscall brk umask set_tid_address set_robust_list rseq',
    'arch_prctl getpid gettid getppid getuid geteuid getgid getegid getpgrp rt_sigaction',
    'rt_sigprocmask clock_gettime capget',
  ]
    .join(' ')
    .split(' '),
);

const DESCRIPTORS = ['EMFILE', 'ENFILE', 'ENOMEM'];
const STORAGE = ['ENOSPC', 'EIO', 'ENOMEM'];
const READING = ['ENOMEM', 'EIO'];

const ERRNOS: Readonly<Record<string, readonly string[]>> = {
  openat: [...DESCRIPTORS, 'EIO'],
  openat2: [...DESCRIPTORS, 'EIO'],
  read: ['EIO', 'EINTR', 'ENOMEM'],
  pread64: ['EIO', 'EINTR', 'ENOMEM'],
  write: ['ENOSPC', 'EIO', 'EINTR'],
  close: ['EIO', 'EINTR'],
  dup3: ['EMFILE', 'EBUSY', 'EINTR'],
  fcntl: ['EMFILE', 'ENOMEM'],
  pipe2: DESCRIPTORS,
  socketpair: DESCRIPTORS,
  socket: [...DESCRIPTORS, 'ENOBUFS'],
  memfd_create: DESCRIPTORS,
  pidfd_open: DESCRIPTORS,
  epoll_create1: DESCRIPTORS,
  clone3: ['EAGAIN', 'ENOMEM', 'ENOSPC'],
  clone: ['EAGAIN', 'ENOMEM', 'ENOSPC'],
  mmap: ['ENOMEM'],
  mprotect: ['ENOMEM'],
  mkdir: [...STORAGE, 'EDQUOT'],
  mkdirat: [...STORAGE, 'EDQUOT'],
  mknodat: STORAGE,
  symlinkat: STORAGE,
  rename: STORAGE,
  renameat: STORAGE,
  renameat2: STORAGE,
  unlink: ['EIO', 'ENOMEM', 'EROFS'],
  unlinkat: ['EIO', 'ENOMEM', 'EROFS'],
  rmdir: ['EIO', 'ENOMEM', 'EBUSY'],
  fsopen: DESCRIPTORS,
  fsmount: [...DESCRIPTORS, 'ENOSPC'],
  open_tree: DESCRIPTORS,
  fsconfig: ['ENOMEM', 'EINVAL'],
  move_mount: ['ENOSPC', 'ENOMEM', 'EINVAL'],
  mount: ['ENOSPC', 'ENOMEM'],
  mount_setattr: ['ENOMEM', 'EPERM'],
  umount2: ['EBUSY', 'ENOMEM'],
  pivot_root: ['EBUSY', 'EINVAL'],
  unshare: ['ENOMEM', 'ENOSPC', 'EPERM'],
  setns: ['ENOMEM', 'EPERM'],
  setresuid: ['EAGAIN', 'EPERM'],
  setresgid: ['EPERM'],
  setgroups: ['ENOMEM', 'EPERM'],
  capset: ['EPERM'],
  prctl: ['EPERM', 'ENOMEM'],
  prlimit64: ['EPERM'],
  sethostname: ['EPERM'],
  setsid: ['EPERM'],
  keyctl: ['EDQUOT', 'ENOMEM'],
  bpf: ['ENOMEM', 'EPERM'],
  sendto: ['ENOBUFS', 'ENOMEM'],
  sendmsg: ['ENOBUFS', 'ENOMEM'],
  recvmsg: ['ENOMEM', 'EINTR'],
  poll: ['ENOMEM', 'EINTR'],
  ppoll: ['ENOMEM', 'EINTR'],
  waitid: ['EINTR'],
  flock: ['ENOLCK', 'EINTR'],
  kill: ['EPERM'],
  pidfd_send_signal: ['EPERM', 'ENOMEM'],
  execve: ['ENOMEM', 'EIO', 'EMFILE'],
  execveat: ['ENOMEM', 'EIO', 'EMFILE'],
  getrandom: ['EINTR', 'EAGAIN'],
  ftruncate: STORAGE,
  fchmod: STORAGE,
  fchmodat: STORAGE,
  fchownat: STORAGE,
  fchown: STORAGE,
};

/** Error of the call with this number in its process, undefined when it cannot fail. */
export function errnoFor(name: string, call: number): string | undefined {
  if (NEVER.has(name)) return undefined;
  const list = ERRNOS[name] ?? READING;
  return list[call % list.length];
}

/** As the C library words them, in lower case. */
export const TEXTS: Readonly<Record<string, string>> = {
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in system',
  ENOMEM: 'cannot allocate memory',
  EIO: 'input/output error',
  EINTR: 'interrupted system call',
  ENOSPC: 'no space left on device',
  EBUSY: 'device or resource busy',
  ENOBUFS: 'no buffer space available',
  EAGAIN: 'resource temporarily unavailable',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'read-only file system',
  EINVAL: 'invalid argument',
  EPERM: 'operation not permitted',
  ENOLCK: 'no locks available',
};
