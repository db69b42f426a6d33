// The clone of the helper.
//
// The caller may have many threads (Node has about ten), so that a forked copy
// of it could not allocate, print or take a lock: another thread may have held
// the lock at the moment of the copy. The child here shares the memory instead
// (CLONE_VM), on a stack of its own, places the descriptors with raw system
// calls, and becomes the helper at once. That costs the same at any size of the
// caller, and what runs until execve is a program of a few
// pages in a sealed memory file: nothing of the caller is reachable through its
// /proc/PID/exe, map_files or memory (security.md row 1).
//
// The plan is written while the helper starts and makes its first namespaces,
// for which it takes the longer.

#include "spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>

#include "../child/sys.h"
#include "clone-child.h"
#include "messages.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

// The helper's file, from native/child/ (CMakeLists.txt, embed.S).
extern "C" const char tsrunHelperStart[];
extern "C" const char tsrunHelperEnd[];

namespace tsrun {

namespace {

long emptyFile(const char* name, bool executable) {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create(name, flags | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
  // Before Linux 6.3 there is no choice and no flag.
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, flags);
  return fd < 0 ? -errno : fd;
}

// 0, or a negated errno; the file stays open.
long fillAndSeal(int fd, const void* data, size_t size, bool executable) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? -errno : -EIO;
    at += written;
    size -= static_cast<size_t>(written);
  }
  // Nobody may take the right to run it away. A kernel before Linux 6.3 has no such seal.
  if (executable && fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC) < 0 && errno != EINVAL) return -errno;
  if (lseek(fd, 0, SEEK_SET) < 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
    return -errno;
  }
  return 0;
}

}  // namespace

long sealedFile(const char* name, const void* data, size_t size, bool executable) {
  const long fd = emptyFile(name, executable);
  if (fd < 0) return fd;
  const long result = fillAndSeal(static_cast<int>(fd), data, size, executable);
  if (result < 0) close(static_cast<int>(fd));
  return result < 0 ? result : fd;
}

namespace {

// One file for the life of the process.
long helperFile() {
  static std::mutex mutex;
  static long file = -1;
  const std::lock_guard<std::mutex> guard(mutex);
  if (file < 0) {
    const auto size = static_cast<size_t>(tsrunHelperEnd - tsrunHelperStart);
    file = sealedFile("tsrun", tsrunHelperStart, size, true);
  }
  return file;
}

// The work of children that share our memory, or have lately.
struct OwnedWork {
  ChildWork child = {};
  std::vector<int> sources;
  std::vector<int> moved;
  std::string base;
  std::string early;
  std::string name = "tsrun";
};

std::mutex worksMutex;
std::vector<std::unique_ptr<OwnedWork>> works;

// The kernel clears the word when the child is in memory of its own
// (CLONE_CHILD_CLEARTID); nobody needs to wait for that.
void sweepWorks() {
  const std::lock_guard<std::mutex> guard(worksMutex);
  std::erase_if(works, [](const std::unique_ptr<OwnedWork>& work) {
    return __atomic_load_n(&work->child.inMemory, __ATOMIC_ACQUIRE) == 0;
  });
}

// A filter around the runtime may not know clone3 (old dockers answer ENOSYS),
// and clone cannot make a process in a cgroup: it waits until it has been moved.
long cloneOldWay(const SpawnRequest& request, ChildWork& work, int* pidfd) {
  return tsrunClone(request.cloneFlags | CLONE_VM | CLONE_PIDFD | CLONE_CHILD_CLEARTID | SIGCHLD,
                    work.stack + sizeof work.stack, pidfd, &work.inMemory, &work, becomeHelper);
}

long moveIntoCgroup(int cgroup, long pid) {
  const int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const std::string text = std::to_string(pid);
  const ssize_t written = write(fd, text.data(), text.size());
  const int error = errno;
  close(fd);
  return written < 0 ? -error : 0;
}

// Not CLONE_VFORK: a child that is born into a frozen cgroup would keep the
// calling thread waiting until somebody thaws it.
// The work is not to be looked at after: the child may have done with it.
long cloneHelper(const SpawnRequest& request, ChildWork& work, Spawned& spawned, bool& waits) {
  int pidfd = -1;
  clone_args arguments = {};
  arguments.flags = request.cloneFlags | CLONE_VM | CLONE_PIDFD | CLONE_CHILD_CLEARTID;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.child_tid = reinterpret_cast<uint64_t>(&work.inMemory);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uint64_t>(work.stack);
  arguments.stack_size = sizeof work.stack;
  if (request.cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(request.cgroup);
  }
  work.inMemory = 1;
  // A handler of the program's must not run in the child, on shared memory.
  const unsigned long all = ~0UL;
  unsigned long before = 0;
  sys::call(__NR_rt_sigprocmask, SIG_SETMASK, sys::arg(&all), sys::arg(&before), 8);
  long pid = tsrunClone3(&arguments, sizeof arguments, becomeHelper, &work);
  if (pid == -ENOSYS) {
    waits = work.waits = request.cgroup >= 0;
    pid = cloneOldWay(request, work, &pidfd);
  }
  sys::call(__NR_rt_sigprocmask, SIG_SETMASK, sys::arg(&before), 0, 8);
  if (pid < 0) {
    work.inMemory = 0;
    return pid;
  }
  spawned.pid = static_cast<int>(pid);
  spawned.pidfd = pidfd;
  return 0;
}

}  // namespace

long spawnHelper(const SpawnRequest& request, Spawned& spawned) {
  const long helper = helperFile();
  if (helper < 0) return helper;
  const long plan = emptyFile("tsrun-plan", false);
  if (plan < 0) return plan;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    const int error = errno;
    close(static_cast<int>(plan));
    return -error;
  }
  sweepWorks();
  auto owned = std::make_unique<OwnedWork>();
  std::vector<int>& sources = owned->sources;
  sources.assign(request.stdio, request.stdio + 3);
  sources.insert(sources.end(), request.preserve.begin(), request.preserve.end());
  owned->base = std::to_string(sources.size());
  if (request.early != 0) owned->early = std::to_string(request.early);
  sources.push_back(pair[1]);
  sources.push_back(static_cast<int>(plan));
  sources.insert(sources.end(), request.slots.begin(), request.slots.end());
  owned->moved.resize(sources.size());

  ChildWork& work = owned->child;
  work.sources = sources.data();
  work.moved = owned->moved.data();
  work.count = static_cast<int>(sources.size());
  work.helper = static_cast<int>(helper);
  work.socket = pair[1];
  work.parentEnd = pair[0];
  work.keepCapabilities = (request.cloneFlags & CLONE_NEWUSER) != 0;
  work.argv[0] = owned->name.data();
  work.argv[1] = owned->base.data();
  if (request.early != 0) work.argv[2] = owned->early.data();
  {
    const std::lock_guard<std::mutex> guard(worksMutex);
    works.push_back(std::move(owned));
  }
  bool waits = false;
  long result = cloneHelper(request, work, spawned, waits);
  close(pair[1]);
  if (result < 0) {
    close(pair[0]);
    close(static_cast<int>(plan));
    return result;
  }
  spawned.socket = pair[0];
  spawned.plan = static_cast<int>(plan);
  if (waits) {
    result = moveIntoCgroup(request.cgroup, spawned.pid);
    if (result == 0) result = proceed(spawned.socket);
    if (result < 0) abandon(spawned);
  }
  return result < 0 ? result : 0;
}

long givePlan(Spawned& spawned, const std::string& plan) {
  const long result = fillAndSeal(spawned.plan, plan.data(), plan.size(), false);
  if (result < 0) {
    abandon(spawned);
    return result;
  }
  close(spawned.plan);
  spawned.plan = -1;
  const long told = proceed(spawned.socket);
  // If the helper has died, its message or its end says why to the reader of the socket.
  if (told == 0 || told == -EPIPE || told == -ECONNRESET) return 0;
  // Without the byte it would wait forever.
  abandon(spawned);
  return told;
}

void abandon(Spawned& spawned) {
  syscall(SYS_pidfd_send_signal, spawned.pidfd, SIGKILL, nullptr, 0);
  // The end of the socket ends it too, should the signal not have come. So the wait below has an
  // end: the child does nothing yet but read from that socket, and make namespaces, where the
  // kernel waits for locks that it gives up for a signal. A cgroup v2 that is frozen does not keep
  // a process from being killed, and a v1 freezer of the child's is that of its caller, who stands
  // still as well.
  for (const int fd : {spawned.socket, spawned.plan}) {
    if (fd >= 0) close(fd);
  }
  siginfo_t ended = {};
  while (waitid(P_PIDFD, static_cast<id_t>(spawned.pidfd), &ended, WEXITED | __WALL) < 0 &&
         errno == EINTR) {
  }
  close(spawned.pidfd);
  spawned = {};
}

}  // namespace tsrun
