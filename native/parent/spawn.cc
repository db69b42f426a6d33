// The clone of the helper.
//
// The caller may have many threads (Node has about ten), so that a forked copy
// of it could not allocate, print or take a lock: another thread may have held
// the lock at the moment of the copy. The child here shares the memory instead
// (CLONE_VM | CLONE_VFORK, so the calling thread waits), places the descriptors
// with raw system calls, and becomes the helper at once. That costs the same at
// any size of the caller, and what runs until execve is a program of a few
// pages in a sealed memory file: nothing of the caller is reachable through its
// /proc/PID/exe, map_files or memory (security.md row 1).

#include "spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "../child/sys.h"
#include "vfork-child.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

// The helper's file, from native/child/ (CMakeLists.txt, embed.S).
extern "C" const char tsrunHelperStart[];
extern "C" const char tsrunHelperEnd[];

namespace tsrun {

long sealedFile(const char* name, const void* data, size_t size, bool executable) {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create(name, flags | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
  // Before Linux 6.3 there is no choice and no flag.
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, flags);
  if (fd < 0) return -errno;
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = written < 0 ? errno : EIO;
      close(fd);
      return -error;
    }
    at += written;
    size -= static_cast<size_t>(written);
  }
  if (lseek(fd, 0, SEEK_SET) < 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  return fd;
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

constexpr size_t kChildStack = 16384;

long cloneHelper(const SpawnRequest& request, ChildWork& work, Spawned& spawned) {
  alignas(16) static thread_local char stack[kChildStack];
  int pidfd = -1;
  clone_args arguments = {};
  arguments.flags = request.cloneFlags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uint64_t>(stack);
  arguments.stack_size = sizeof stack;
  if (request.cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(request.cgroup);
  }
  // A handler of the program's must not run in the child, on shared memory.
  const unsigned long all = ~0UL;
  unsigned long before = 0;
  sys::call(__NR_rt_sigprocmask, SIG_SETMASK, sys::arg(&all), sys::arg(&before), 8);
  const long pid = tsrunClone3(&arguments, sizeof arguments, becomeHelper, &work);
  sys::call(__NR_rt_sigprocmask, SIG_SETMASK, sys::arg(&before), 0, 8);
  if (pid < 0) return pid;
  if (work.error != 0) {
    siginfo_t info;
    while (waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | __WALL) < 0 &&
           errno == EINTR) {
    }
    close(pidfd);
    return -work.error;
  }
  spawned.pid = static_cast<int>(pid);
  spawned.pidfd = pidfd;
  return 0;
}

}  // namespace

long spawnHelper(const SpawnRequest& request, Spawned& spawned) {
  const long helper = helperFile();
  if (helper < 0) return helper;
  const long plan = sealedFile("tsrun-plan", request.plan.data(), request.plan.size(), false);
  if (plan < 0) return plan;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    const int error = errno;
    close(static_cast<int>(plan));
    return -error;
  }
  std::vector<int> sources(request.stdio, request.stdio + 3);
  sources.insert(sources.end(), request.preserve.begin(), request.preserve.end());
  const std::string base = std::to_string(sources.size());
  sources.push_back(pair[1]);
  sources.push_back(static_cast<int>(plan));
  sources.insert(sources.end(), request.slots.begin(), request.slots.end());
  std::vector<int> moved(sources.size());

  char name[] = "tsrun";
  ChildWork work = {};
  work.sources = sources.data();
  work.moved = moved.data();
  work.count = static_cast<int>(sources.size());
  work.helper = static_cast<int>(helper);
  work.keepCapabilities = (request.cloneFlags & CLONE_NEWUSER) != 0;
  work.argv[0] = name;
  work.argv[1] = const_cast<char*>(base.c_str());
  const long result = cloneHelper(request, work, spawned);
  close(pair[1]);
  close(static_cast<int>(plan));
  if (result < 0) {
    close(pair[0]);
    return result;
  }
  spawned.socket = pair[0];
  return 0;
}

}  // namespace tsrun
