/**
 * The profile of `tsrun spec --seccomp default`: a list of what is allowed, by
 * class, so that a call which nobody thought of is refused. docs/seccomp.md
 * says what is not on it and why; a unit test holds that every call of the
 * kernel's headers is in one of the two tables here.
 */

import type { LinuxSeccomp, LinuxSyscall } from '../spec/types.js';

export type Machine = 'x86_64' | 'aarch64';

/** Calls by class that every container may make. */
const ALLOWED: Readonly<Record<string, string>> = {
  files:
    'access alarm chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 ' +
    'faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown ' +
    'fchown32 fchownat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ' +
    'ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown lchown32 link linkat ' +
    '_llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat ' +
    'openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink ' +
    'readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs ' +
    'statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask ' +
    'unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev cachestat ' +
    'file_getattr file_setattr',
  'extended attributes':
    'fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat ' +
    'llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat',
  'waiting and events':
    'epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait ' +
    'epoll_wait_old eventfd eventfd2 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ' +
    'io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ' +
    '_newselect pause poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 ' +
    'timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64',
  memory:
    'brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore ' +
    'mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap ' +
    'pkey_alloc pkey_free pkey_mprotect remap_file_pages',
  processes:
    'arch_prctl capget capset execve execveat exit exit_group fork get_thread_area getcpu getegid ' +
    'getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid ' +
    'getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid ' +
    'gettid getuid getuid32 ioprio_get ioprio_set kill nice pidfd_open pidfd_send_signal prctl ' +
    'prlimit64 process_mrelease rseq sched_get_priority_max sched_get_priority_min ' +
    'sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval ' +
    'sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam ' +
    'sched_setscheduler sched_yield set_robust_list get_robust_list set_thread_area ' +
    'set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 ' +
    'setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid ' +
    'setreuid32 setrlimit setsid setuid setuid32 sysinfo times tgkill tkill ugetrlimit uname ' +
    'vfork wait4 waitid waitpid olduname oldolduname',
  signals:
    'restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn ' +
    'rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction sigaltstack ' +
    'signal sigpending sigprocmask sigreturn sigsuspend',
  'locks and messages between processes':
    'futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify ' +
    'mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink ' +
    'msgctl msgget msgrcv msgsnd pipe pipe2 semctl semget semop semtimedop semtimedop_time64 shmat ' +
    'shmctl shmdt shmget',
  network:
    'accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg ' +
    'recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair',
  time:
    'clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep ' +
    'clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create ' +
    'timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64',
  'confining oneself':
    'landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr ' +
    'lsm_list_modules lsm_set_self_attr seccomp',
  random: 'getrandom',
  'ARM only': 'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
};

interface Refused {
  names: string;
  reason: string;
  /** Capabilities with any of which it is allowed: the container is then meant to do this. */
  unless?: readonly string[];
}

/** Calls that are refused, and why. */
const REFUSED: readonly Refused[] = [
  {
    names:
      'mount umount umount2 pivot_root fsconfig fsmount fsopen fspick mount_setattr move_mount ' +
      'open_tree open_tree_attr listmount statmount listns',
    reason: 'changes and shows mounts; file system code of the kernel gets hostile input',
    unless: ['CAP_SYS_ADMIN'],
  },
  {
    names: 'setns unshare',
    reason: 'a user namespace of its own opens most of the privileged kernel to anybody',
    unless: ['CAP_SYS_ADMIN'],
  },
  {
    names: 'add_key keyctl request_key',
    reason: 'keyrings belong to users and not to containers',
  },
  {
    names: 'bpf',
    reason: 'loads programs into the kernel',
    unless: ['CAP_SYS_ADMIN', 'CAP_BPF'],
  },
  {
    names: 'perf_event_open',
    reason: 'watches the kernel and other processes',
    unless: ['CAP_SYS_ADMIN', 'CAP_PERFMON'],
  },
  {
    names: 'userfaultfd',
    reason: 'stops the kernel in the middle of its work, which makes races in it winnable',
  },
  {
    names: 'io_uring_enter io_uring_register io_uring_setup',
    reason: 'carries out calls that this filter does not see, with a long list of holes',
  },
  {
    names: 'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
    reason: 'looks into and changes other processes',
    unless: ['CAP_SYS_PTRACE'],
  },
  {
    names: 'open_by_handle_at',
    reason: 'opens any file of a file system by its number, also outside of the root',
    unless: ['CAP_DAC_READ_SEARCH'],
  },
  { names: 'chroot', reason: 'needs the capability anyway', unless: ['CAP_SYS_CHROOT'] },
  {
    names: 'delete_module finit_module init_module create_module get_kernel_syms query_module',
    reason: 'changes the kernel',
    unless: ['CAP_SYS_MODULE'],
  },
  {
    names: 'kexec_file_load kexec_load reboot',
    reason: 'ends the kernel',
    unless: ['CAP_SYS_BOOT'],
  },
  { names: 'acct', reason: 'accounts for the whole machine', unless: ['CAP_SYS_PACCT'] },
  { names: 'syslog', reason: "shows the kernel's log and addresses", unless: ['CAP_SYSLOG'] },
  {
    names:
      'adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime',
    reason: 'the clock belongs to the machine',
    unless: ['CAP_SYS_TIME'],
  },
  { names: 'ioperm iopl', reason: 'gives access to devices', unless: ['CAP_SYS_RAWIO'] },
  {
    names: 'get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node',
    reason: 'places memory on nodes of the machine',
    unless: ['CAP_SYS_NICE'],
  },
  {
    names: 'fanotify_init fanotify_mark',
    reason: 'watches whole file systems',
    unless: ['CAP_SYS_ADMIN'],
  },
  {
    names: 'quotactl quotactl_fd swapoff swapon setdomainname sethostname',
    reason: 'administers the machine',
    unless: ['CAP_SYS_ADMIN'],
  },
  { names: 'vhangup', reason: 'takes terminals away', unless: ['CAP_SYS_TTY_CONFIG'] },
  {
    names:
      '_sysctl sysfs uselib ustat nfsservctl lookup_dcookie modify_ldt vm86 vm86old afs_syscall ' +
      'getpmsg putpmsg security tuxcall vserver bdflush break ftime gtty idle lock mpx prof profil ' +
      'stty ulimit oldfstat oldlstat oldstat ssetmask sgetmask pciconfig_iobase pciconfig_read ' +
      'pciconfig_write uretprobe uprobe',
    reason: 'obsolete, or never meant to be called by programs',
  },
];

/** Namespaces that clone(2) can make: CLONE_NEW* but for time, which its flags have no bit for. */
const CLONE_NAMESPACES = 0x7e020000;
const ENOSYS = 38;
const EPERM = 1;
const EAFNOSUPPORT = 97;
/** First address family that is not to be had: AF_ALG; AF_VSOCK and others come after it. */
const AF_ALG = 38;

/**
 * socketcall(2) of 32-bit programs makes sockets of any family, which it has in memory, where no
 * filter sees it: who can does without. First, since libseccomp lets the parts of it pass that
 * stand for the calls which are allowed.
 */
const SOCKETCALL: LinuxSyscall = {
  names: ['socketcall'],
  action: 'SCMP_ACT_ERRNO',
  errnoRet: ENOSYS,
};

/** personality(2): Linux, 32-bit Linux, each with and without an old version number, and asking. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/**
 * @param machine the architecture of the host
 * @param capabilities that the container is granted: what they are for is allowed
 */
export function defaultProfile(machine: Machine, capabilities: ReadonlySet<string>): LinuxSeccomp {
  const granted = REFUSED.filter(({ unless }) => unless?.some((name) => capabilities.has(name)));
  const names = [
    ...Object.values(ALLOWED).flatMap(words),
    ...granted.flatMap((entry) => words(entry.names)),
  ];
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures:
      machine === 'x86_64'
        ? ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']
        : ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
    syscalls: [
      SOCKETCALL,
      { names: [...new Set(names)].sort(), action: 'SCMP_ACT_ALLOW' },
      ...clones(capabilities.has('CAP_SYS_ADMIN')),
      ...sockets(),
      ...PERSONALITIES.map((value): LinuxSyscall => ({
        names: ['personality'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
      })),
    ],
  };
}

/** clone3(2) has its flags in memory, where no filter sees them: programs fall back to clone(2). */
function clones(namespaces: boolean): LinuxSyscall[] {
  if (namespaces) return [{ names: ['clone', 'clone3'], action: 'SCMP_ACT_ALLOW' }];
  return [
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}

/** AF_ALG is a way to the kernel's cryptography, AF_VSOCK one to the hypervisor. */
function sockets(): LinuxSyscall[] {
  return [
    {
      names: ['socket'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: AF_ALG, op: 'SCMP_CMP_LT' }],
    },
    {
      names: ['socket'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: EAFNOSUPPORT,
      args: [{ index: 0, value: AF_ALG, op: 'SCMP_CMP_GE' }],
    },
  ];
}

/** Every call that the profile decides on by name, for the test. */
export function decidedCalls(): string[] {
  return [
    ...Object.values(ALLOWED).flatMap(words),
    ...REFUSED.flatMap(({ names }) => words(names)),
    ...['clone', 'clone3', 'socket', 'socketcall', 'personality'],
  ];
}

function words(text: string): string[] {
  return text.split(' ');
}
