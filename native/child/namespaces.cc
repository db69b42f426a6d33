// Namespaces: unshare(2), setns(2), the second clone, and what is set up in a new one.
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/nsfs.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "helper.h"

namespace tsrun::child {

long operations::sync(const wire::Step& step) {
  send(wire::Kind::Sync, static_cast<int32_t>(NUMBER(step, sync, point)), wire::Code::None, nullptr,
       0);
  waitForParent();
  return 0;
}

long operations::unshare(const wire::Step& step) {
  const long flags = NUMBER(step, unshare, flags);
  if (self.early == 0 || self.early != flags) return sys::call(__NR_unshare, flags);
  self.early = 0;
  return self.earlyResult;
}

// Changes of credentials set the flag anew from fs.suid_dumpable; a step that
// changed them puts it back to what the plan asked for.
static bool wantDumpable = true;
static long keepDumpable() { return wantDumpable ? 0 : sys::prctl(PR_SET_DUMPABLE, 0); }

long operations::setns(const wire::Step& step) {
  const long fd = slot(NUMBER(step, setns, fd));
  if (fd < 0) return fd;
  const long result = sys::call(__NR_setns, fd, NUMBER(step, setns, flags));
  const long kept = keepDumpable();
  return result < 0 ? result : kept;
}

// Names below /proc/PID/ns of what the process, or the one that it is going to fork, has joined.
struct NamespaceFile {
  uint64_t flag;
  const char* file;
  const char* type;
};
static constexpr NamespaceFile kNamespaceFiles[] = {
    {CLONE_NEWNS, "mnt", "mount"},
    {CLONE_NEWNET, "net", "network"},
    {CLONE_NEWIPC, "ipc", "ipc"},
    {CLONE_NEWUTS, "uts", "uts"},
    {CLONE_NEWCGROUP, "cgroup", "cgroup"},
    {CLONE_NEWPID, "pid_for_children", "pid"},
    {CLONE_NEWTIME, "time_for_children", "time"},
};

// Its inode number, or a negated errno.
static long inodeOf(int fd) {
  struct stat info = {};
  const long result = sys::call(__NR_fstat, fd, sys::arg(&info));
  return result < 0 ? result : static_cast<long>(info.st_ino);
}

// The inode number of the user namespace that owns a namespace; 0 for one that is not that of the
// process or below it, which nobody in there can have made (ioctl_nsfs(2)).
static long ownerOf(int fd) {
  const long owner = sys::ioctl(fd, NS_GET_USERNS, 0);
  if (owner == -EPERM) return 0;
  if (owner < 0) return owner;
  const long inode = inodeOf(static_cast<int>(owner));
  sys::close(static_cast<int>(owner));
  return inode;
}

static bool isKnown(const wire::List& known, uint64_t flag, long inode, long owner) {
  const int64_t* numbers = numbersOf(known);
  for (uint32_t i = 0; i + 2 < known.count; i += 3) {
    if (static_cast<uint64_t>(numbers[i]) != flag || numbers[i + 1] != inode) continue;
    return owner == 0 || numbers[i + 2] == owner;
  }
  return false;
}

// An inode number alone tells nothing: those of namespaces that have ended are used again. Only
// that of the user namespace cannot be, which whatever the process has made since is below.
static long compareOwner(int links, const NamespaceFile& name, const wire::Step& step) {
  const long fd = sys::openat(links, name.file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(fd, name.type);
  const long inode = inodeOf(static_cast<int>(fd));
  const long owner = inode < 0 ? inode : ownerOf(static_cast<int>(fd));
  sys::close(static_cast<int>(fd));
  if (owner < 0) return fail(owner, name.type);
  if (owner == NUMBER(step, join, user)) return 0;
  if (isKnown(LIST(step, join, known), name.flag, inode, owner)) return 0;
  return fail(-EPERM, name.type, wire::Code::NamespaceChanged);
}

static long compareNamespaces(int links, const wire::Step& step) {
  struct stat info = {};
  const long found = sys::call(__NR_newfstatat, links, sys::arg("user"), sys::arg(&info), 0);
  if (found < 0) return fail(found, "user");
  if (static_cast<int64_t>(info.st_ino) != NUMBER(step, join, user)) {
    return fail(-EPERM, "user", wire::Code::NamespaceChanged);
  }
  const auto flags = static_cast<uint64_t>(NUMBER(step, join, flags));
  for (const NamespaceFile& name : kNamespaceFiles) {
    if ((flags & name.flag) == 0) continue;
    const long result = compareOwner(links, name, step);
    if (result < 0) return result;
  }
  return 0;
}

// What the process behind the pidfd has made of its namespaces is known only when they are joined:
// until then it can change them. The links are opened before, in the caller's own /proc.
long operations::join(const wire::Step& step) {
  const long fd = slot(NUMBER(step, join, fd));
  if (fd < 0) return fd;
  long links = -1;
  if (NUMBER(step, join, user) != 0) {
    links = openOwnProc("thread-self/ns", O_PATH | O_DIRECTORY);
    if (links < 0) return fail(links, "/proc/thread-self/ns");
  }
  // All at once: the kernel then checks each against the caller's rights and not against those
  // that are left in the container's user namespace.
  long result = 0;
  if (NUMBER(step, join, flags) != 0) {
    result = sys::call(__NR_setns, fd, NUMBER(step, join, flags));
    const long kept = keepDumpable();
    if (result >= 0 && kept < 0) result = fail(kept, "dumpable");
  }
  if (links >= 0) {
    if (result >= 0) result = compareNamespaces(static_cast<int>(links), step);
    sys::close(static_cast<int>(links));
  }
  return result;
}

long operations::clearGroups(const wire::Step&) { return sys::call(__NR_setgroups, 0, 0); }

// A copy of the process beside it, and its pidfd: its pid, 0 in the copy.
static long cloneBeside(uint64_t flags, int* pidfd) {
  clone_args arguments = {};
  arguments.flags = flags | CLONE_PARENT | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(pidfd);
  const long pid = sys::call(__NR_clone3, sys::arg(&arguments), sizeof arguments);
  if (pid != -ENOSYS) return pid;
  // A filter around the runtime that does not know clone3, as old dockers have.
  return sys::call(__NR_clone, static_cast<long>(arguments.flags), 0, sys::arg(pidfd), 0, 0);
}

// The first process tells the parent about the second and ends; the second, a
// child of the parent too (CLONE_PARENT), waits until the parent knows of it.
long operations::fork(const wire::Step& step) {
  // By its group the parent finds the second process, should this one die before it has told.
  const long grouped = sys::call(__NR_setpgid, 0, 0);
  if (grouped < 0) return fail(grouped, "setpgid");
  int pidfd = -1;
  const auto flags = static_cast<uint64_t>(NUMBER(step, fork, flags));
  const long pid = cloneBeside(flags, &pidfd);
  if (pid < 0) return pid;
  if (pid > 0) {
    send(wire::Kind::Forked, 0, wire::Code::None, nullptr, 0, pidfd);
    sys::exit(0);
  }
  waitForParent();
  return 0;
}

constexpr const char* kOffsets = "/proc/self/timens_offsets";

// Of a process that nobody may look into, the file belongs to the machine's
// root: it is opened before.
static int offsetsFile = -1;
long operations::openOffsets(const wire::Step&) {
  const long fd = sys::openat(AT_FDCWD, kOffsets, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail(fd, kOffsets);
  offsetsFile = static_cast<int>(fd);
  return 0;
}

static long writeOffsets(const char* text) {
  const long fd = offsetsFile >= 0 ? offsetsFile : openOwnProc("self/timens_offsets", O_WRONLY);
  if (fd < 0) return fd;
  offsetsFile = -1;
  const size_t size = length(text);
  long written = sys::write(static_cast<int>(fd), text, size);
  if (written >= 0 && static_cast<size_t>(written) != size) written = -EIO;
  sys::close(static_cast<int>(fd));
  return written < 0 ? written : 0;
}

// time_namespaces(7): offsets can be written until the namespace has a process,
// and unshare only prepares it for children; setns enters it at once.
long operations::time(const wire::Step& step) {
  long result = sys::call(__NR_unshare, CLONE_NEWTIME);
  if (result < 0) return result;
  const char* offsets = TEXT(step, time, offsets);
  if (offsets[0] != 0) {
    result = writeOffsets(offsets);
    if (result < 0) return fail(result, kOffsets);
  }
  const long links = openOwnProc("self/ns", O_PATH | O_DIRECTORY);
  if (links < 0) return fail(links, "/proc/self/ns");
  const long fd = sys::openat(static_cast<int>(links), "time_for_children", O_RDONLY | O_CLOEXEC);
  sys::close(static_cast<int>(links));
  if (fd < 0) return fail(fd, "/proc/self/ns/time_for_children");
  result = sys::call(__NR_setns, fd, CLONE_NEWTIME);
  sys::close(static_cast<int>(fd));
  return result;
}

long operations::dumpable(const wire::Step& step) {
  wantDumpable = NUMBER(step, dumpable, on) != 0;
  return sys::prctl(PR_SET_DUMPABLE, wantDumpable ? 1 : 0);
}

// What brought the capabilities through execve while the id was not mapped yet
// (system/clone-child.cc) is not for programs: hooks would have all of them.
static long forgetInheritable() {
  long result = sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  if (result < 0) return fail(result, "ambient set");
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  result = sys::call(__NR_capget, sys::arg(&header), sys::arg(data));
  if (result < 0) return fail(result, "capget");
  data[0].inheritable = data[1].inheritable = 0;
  result = sys::call(__NR_capset, sys::arg(&header), sys::arg(data));
  return result < 0 ? fail(result, "capset") : 0;
}

long operations::become(const wire::Step& step) {
  const long uid = NUMBER(step, become, uid);
  const long gid = NUMBER(step, become, gid);
  long result = 0;
  if (NUMBER(step, become, clearGroups) != 0) {
    result = sys::call(__NR_setgroups, 0, 0);
    if (result < 0) return fail(result, "setgroups");
  }
  result = sys::call(__NR_setresgid, gid, gid, gid);
  if (result < 0) return fail(result, "setresgid");
  result = sys::call(__NR_setresuid, uid, uid, uid);
  if (result < 0) return fail(result, "setresuid");
  result = keepDumpable();
  return result < 0 ? fail(result, "dumpable") : forgetInheritable();
}

long operations::session(const wire::Step&) {
  const long result = sys::call(__NR_setsid);
  // A session leader already: nothing is left to do.
  return result == -EPERM ? 0 : (result < 0 ? result : 0);
}

// Who has the keyring has all rights to it, by possession. Others of the same user neither see its
// name nor read it, and find it by the name alone, as an `exec` does: that is what the kernel calls
// a search (keyctl_join_session_keyring(3), keyctl_setperm(3)).
long operations::keyring(const wire::Step& step) {
  const long id =
      sys::call(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, sys::arg(TEXT(step, keyring, name)));
  // A kernel without keyrings has none to leak either.
  if (id == -ENOSYS) return 0;
  if (id < 0) return id;
  constexpr long kPossessorAll = 0x3f000000;
  constexpr long kUserSearch = 0x00080000;
  const long result = sys::call(__NR_keyctl, KEYCTL_SETPERM, id, kPossessorAll | kUserSearch);
  return result < 0 ? result : 0;
}

long operations::loopback(const wire::Step&) {
  const long fd = sys::call(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  ifreq request = {};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  long result = sys::ioctl(static_cast<int>(fd), SIOCGIFFLAGS, sys::arg(&request));
  if (result >= 0) {
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
    result = sys::ioctl(static_cast<int>(fd), SIOCSIFFLAGS, sys::arg(&request));
  }
  sys::close(static_cast<int>(fd));
  return result;
}

long operations::hostname(const wire::Step& step) {
  const char* name = TEXT(step, hostname, name);
  return sys::call(__NR_sethostname, sys::arg(name), static_cast<long>(length(name)));
}

long operations::domainname(const wire::Step& step) {
  const char* name = TEXT(step, domainname, name);
  return sys::call(__NR_setdomainname, sys::arg(name), static_cast<long>(length(name)));
}

long restoreDumpable() { return keepDumpable(); }

}  // namespace tsrun::child
