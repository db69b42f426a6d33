/*
 * The floor: what the system calls of `tsrun run` cost without a runtime.
 *
 *   floor ROOTFS STATE CGROUP cgroupns|no-cgroupns
 *
 * Runs /bin/true in the root file system, as the bench's configuration asks for
 * (bundle.mjs: that of `runc spec`), with the calls that tsrun makes for it:
 * state directory and file, the two pipes, the cgroup with its device program,
 * clone3, namespaces, mounts through the mount API with in-root resolution,
 * devices, pivot_root, read-only and masked paths, limits, capabilities, execve,
 * and the removal of all of it. Nothing is read, decided or checked: no
 * config.json, no JSON, no messages, no error texts, no protection of the
 * executable. A call that fails is named, and ends it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MOUNT_ATTR__ATIME
#define MOUNT_ATTR__ATIME 0x70
#endif

static long must(long result, const char* what) {
  if (result < 0) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
  }
  return result;
}
#define MUST(call) must((long)(call), #call)

/* Written to the state file: what tsrun keeps of such a container, in size. */
static char stateText[1300];

/* --- the child ------------------------------------------------------------- */

static int rootFd;

/* A place inside of the root, which no link leads out of. */
static int inRoot(const char* path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve};
  return (int)syscall(SYS_openat2, rootFd, path, &how, sizeof how);
}

static void attach(int mount, int target) {
  MUST(syscall(SYS_move_mount, mount, "", target, "",
               MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

static void setAttributes(int mount, uint64_t set, uint64_t clear, unsigned flags) {
  struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
  MUST(
      syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes));
}

static int newMount(const char* type, const char* const* options, unsigned attributes) {
  const int context = (int)MUST(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
  for (; *options; options += 2) {
    MUST(syscall(SYS_fsconfig, context, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
                 options[0], options[1], 0));
  }
  MUST(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  const int mount = (int)MUST(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
  close(context);
  return mount;
}

/* The target of a mount below /dev is made, the others are there. */
static void mountAt(const char* path, const char* made, const char* type,
                    const char* const* options, uint64_t set, uint64_t clear) {
  if (made) {
    const int parent = (int)MUST(inRoot("dev", O_DIRECTORY, 0));
    umask(0);
    MUST(mkdirat(parent, made, 0755));
    umask(022);
    close(parent);
  }
  const int target = (int)MUST(inRoot(path, O_DIRECTORY, 0));
  int mount;
  if (type) {
    mount = newMount(type, options, 0);
  } else {
    mount = (int)MUST(
        syscall(SYS_open_tree, AT_FDCWD, "/sys/fs/cgroup", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  }
  struct statfs fs;
  MUST(fstatfs(mount, &fs));
  if (set) setAttributes(mount, set, clear, 0);
  attach(mount, target);
  close(mount);
  close(target);
}

static const char* const NONE[] = {NULL, NULL};

static void mounts(int cgroupNamespace) {
  const uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const char* const dev[] = {"source", "tmpfs", "mode", "755", "size", "65536k", NULL, NULL};
  const char* const pts[] = {"newinstance", NULL,  "ptmxmode", "0666", "mode",
                             "0620",        "gid", "5",        NULL,   NULL};
  const char* const shm[] = {"source", "shm", "mode", "1777", "size", "65536k", NULL, NULL};
  mountAt("proc", NULL, "proc", NONE, 0, 0);
  mountAt("dev", NULL, "tmpfs", dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME);
  mountAt("dev/pts", "pts", "devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
  mountAt("dev/shm", "shm", "tmpfs", shm, safe, 0);
  mountAt("dev/mqueue", "mqueue", "mqueue", NONE, safe, 0);
  mountAt("sys", NULL, "sysfs", NONE, safe | MOUNT_ATTR_RDONLY, 0);
  mountAt("sys/fs/cgroup", NULL, cgroupNamespace ? "cgroup2" : NULL, NONE, safe | MOUNT_ATTR_RDONLY,
          MOUNT_ATTR__ATIME);
}

static void devices(void) {
  static const struct {
    const char* name;
    int major, minor;
  } nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
               {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  static const char* const links[][2] = {
      {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
      {"/proc/self/fd/2", "stderr"}, {"/proc/kcore", "core"},      {"pts/ptmx", "ptmx"},
  };
  const int dev = (int)MUST(inRoot("dev", O_DIRECTORY, RESOLVE_NO_SYMLINKS));
  umask(0);
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    MUST(mknodat(dev, nodes[i].name, S_IFCHR | 0666,
                 makedev((unsigned)nodes[i].major, (unsigned)nodes[i].minor)));
    MUST(fchownat(dev, nodes[i].name, 0, 0, AT_SYMLINK_NOFOLLOW));
  }
  umask(022);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    MUST(symlinkat(links[i][0], dev, links[i][1]));
  }
  close(dev);
}

static void masks(void) {
  static const char* const readonly[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                         "proc/sysrq-trigger"};
  static const char* const masked[] = {"proc/acpi",        "proc/asound",        "proc/kcore",
                                       "proc/keys",        "proc/latency_stats", "proc/timer_list",
                                       "proc/timer_stats", "proc/sched_debug",   "sys/firmware",
                                       "proc/scsi"};
  for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
    const int place = inRoot(readonly[i], 0, 0);
    if (place < 0) continue;
    const int tree =
        (int)MUST(syscall(SYS_open_tree, place, "",
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
    setAttributes(tree, MOUNT_ATTR_RDONLY, 0, AT_RECURSIVE);
    attach(tree, place);
    close(tree);
    close(place);
  }
  const char* const inodes[] = {"nr_inodes", "1", NULL, NULL};
  int empty = -1;
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    const int place = inRoot(masked[i], 0, 0);
    if (place < 0) continue;
    struct stat status;
    MUST(fstat(place, &status));
    if (!S_ISDIR(status.st_mode)) {
      const int null = (int)MUST(inRoot("dev/null", O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
      const int tree = (int)MUST(
          syscall(SYS_open_tree, null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
      attach(tree, place);
      close(tree);
      close(null);
    } else if (empty < 0) {
      empty =
          newMount("tmpfs", inodes,
                   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
      attach(empty, place);
    } else {
      const int tree = (int)MUST(
          syscall(SYS_open_tree, empty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
      attach(tree, place);
      close(tree);
    }
    close(place);
  }
  if (empty >= 0) close(empty);
}

static void loopbackUp(void) {
  const int fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  struct ifreq request = {.ifr_name = "lo"};
  MUST(ioctl(fd, SIOCGIFFLAGS, &request));
  request.ifr_flags |= IFF_UP;
  MUST(ioctl(fd, SIOCSIFFLAGS, &request));
  close(fd);
}

static void capabilities(void) {
  const uint32_t keep = 1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) {
    if (capability < 32 && keep >> capability & 1) continue;
    if (prctl(PR_CAPBSET_READ, capability) == 1) MUST(prctl(PR_CAPBSET_DROP, capability));
  }
  MUST(prctl(PR_SET_KEEPCAPS, 1));
  MUST(syscall(SYS_setgroups, 0, NULL));
  MUST(syscall(SYS_setresgid, 0, 0, 0));
  MUST(syscall(SYS_setresuid, 0, 0, 0));
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{.effective = keep, .permitted = keep}};
  MUST(syscall(SYS_capset, &header, data));
  MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}

static void child(const char* rootfs, int socket, int fifo, int cgroupNamespace) {
  for (int signal = 1; signal < 65; signal++) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(signal, &standard, NULL);
  }
  MUST(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC));
  MUST(prctl(PR_SET_DUMPABLE, 0));
  MUST(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
               (cgroupNamespace ? CLONE_NEWCGROUP : 0)));
  MUST(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
  rootFd = (int)MUST(
      syscall(SYS_open_tree, AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  const int target = (int)MUST(open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC));
  attach(rootFd, target);
  close(target);
  MUST(setsid());
  const long ring = MUST(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.floor", 0, 0, 0));
  MUST(syscall(SYS_keyctl, KEYCTL_SETPERM, ring, 0x3f1b0000, 0, 0));
  loopbackUp();
  MUST(sethostname("runc", 4));
  mounts(cgroupNamespace);
  devices();
  const int old = (int)MUST(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  MUST(fchdir(rootFd));
  MUST(syscall(SYS_pivot_root, ".", "."));
  MUST(fchdir(old));
  MUST(mount(NULL, ".", NULL, MS_REC | MS_SLAVE, NULL));
  MUST(umount2(".", MNT_DETACH));
  close(old);
  MUST(chdir("/"));
  setAttributes(rootFd, MOUNT_ATTR_RDONLY, 0, 0);
  masks();
  close(rootFd);
  struct rlimit files = {1024, 1024};
  MUST(setrlimit(RLIMIT_NOFILE, &files));
  MUST(chdir("/"));
  MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  capabilities();
  MUST(prctl(PR_SET_DUMPABLE, 0));
  struct stat status;
  MUST(stat("/bin/true", &status));
  /* ready, and the answer */
  char byte = 'r';
  MUST(write(socket, &byte, 1));
  MUST(read(socket, &byte, 1));
  /* the gate */
  MUST(read(fifo, &byte, 1));
  char* argv[] = {"true", NULL};
  char* envp[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
                  "HOME=/", NULL};
  execve("/bin/true", argv, envp);
  must(-1, "execve");
}

/* --- the parent ------------------------------------------------------------ */

/* tsrun's program for these rules has 26 instructions; the kernel checks and compiles as many. */
static int deviceProgram(void) {
  struct bpf_insn program[26];
  for (int i = 0; i < 24; i++) {
    program[i] = (struct bpf_insn){
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (uint8_t)(i % 5 + 1), .imm = i};
  }
  program[24] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1};
  program[25] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
  union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                               .insn_cnt = 26,
                               .insns = (uintptr_t)program,
                               .license = (uintptr_t)"Apache-2.0"};
  return (int)MUST(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes));
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: floor ROOTFS STATE CGROUP cgroupns|no-cgroupns\n");
    return 1;
  }
  const char* state = argv[2];
  char cgroup[4096];
  snprintf(cgroup, sizeof cgroup, "/sys/fs/cgroup/%s", argv[3]);
  const int cgroupNamespace = strcmp(argv[4], "cgroupns") == 0;
  memset(stateText, ' ', sizeof stateText);

  MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
  MUST(mkdir(state, 0711));
  const int directory = (int)MUST(open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  MUST(flock(directory, LOCK_EX | LOCK_NB));
  const int file = (int)MUST(
      openat(directory, "state.json", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  int gate[2];
  int report[2];
  MUST(pipe2(gate, O_CLOEXEC));
  MUST(pipe2(report, O_CLOEXEC));
  MUST(fcntl(report[0], F_SETFL, MUST(fcntl(report[0], F_GETFL)) | O_NONBLOCK));
  MUST(write(file, stateText, 40));
  MUST(mkdir(cgroup, 0755));
  const int group = (int)MUST(open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int groupRead = (int)MUST(open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const int program = deviceProgram();
  union bpf_attr attachment = {.target_fd = (uint32_t)groupRead,
                               .attach_bpf_fd = (uint32_t)program,
                               .attach_type = BPF_CGROUP_DEVICE,
                               .attach_flags = BPF_F_ALLOW_MULTI};
  MUST(syscall(SYS_bpf, BPF_PROG_ATTACH, &attachment, sizeof attachment));
  close(program);
  MUST(write(file, stateText, 1170));
  int pair[2];
  MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));

  int pidfd = -1;
  struct clone_args arguments = {
      .flags = CLONE_PIDFD | CLONE_NEWPID | CLONE_INTO_CGROUP,
      .pidfd = (uintptr_t)&pidfd,
      .exit_signal = SIGCHLD,
      .cgroup = (uint64_t)groupRead,
  };
  const long pid = MUST(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) child(argv[1], pair[1], gate[0], cgroupNamespace);
  close(pair[1]);

  char byte;
  if (MUST(read(pair[0], &byte, 1)) != 1) return 1;
  MUST(write(file, stateText, 51));
  MUST(write(pair[0], "g", 1));
  close(pair[0]);
  close(report[1]);
  MUST(write(gate[1], "0", 1));
  struct pollfd wait = {.fd = report[0], .events = POLLIN};
  MUST(poll(&wait, 1, -1));
  close(report[0]);
  close(gate[0]);
  close(gate[1]);

  siginfo_t info;
  MUST(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL));
  MUST(rmdir(cgroup));
  close(group);
  MUST(unlinkat(directory, "state.json", 0));
  MUST(rmdir(state));
  if (info.si_code != CLD_EXITED || info.si_status != 0) {
    fprintf(stderr, "floor: the program ended with %d\n", info.si_status);
    return 1;
  }
  return 0;
}
