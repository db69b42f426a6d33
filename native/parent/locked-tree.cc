#include "locked-tree.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace tsrun {

namespace {

struct Request {
  int mountNamespace;
  const char* path;
  unsigned flags;
  long result;
};

int inChild(void* argument) {
  auto& request = *static_cast<Request*>(argument);
  long result = setns(request.mountNamespace, CLONE_NEWNS);
  if (result >= 0) {
    result = syscall(SYS_open_tree, AT_FDCWD, request.path, request.flags | OPEN_TREE_CLOEXEC);
  }
  request.result = result < 0 ? -errno : result;
  return 0;
}

}  // namespace

long openTreeIn(int mountNamespace, const char* path, unsigned flags) {
  Request request = {mountNamespace, path, flags, -EIO};
  constexpr size_t kStack = size_t{64} << 10;
  const auto stack = std::make_unique<char[]>(kStack);
  // As in deviceTree(): it has the memory and the descriptors of its maker, but a root of its own.
  const int pid =
      clone(inChild, stack.get() + kStack, CLONE_VM | CLONE_VFORK | CLONE_FILES, &request);
  if (pid < 0) return -errno;
  while (waitpid(pid, nullptr, __WALL) < 0) {
    if (errno != EINTR) return -errno;
  }
  return request.result;
}

}  // namespace tsrun
