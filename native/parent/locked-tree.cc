#include "locked-tree.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "own-root.h"

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
  const long made = withOwnRoot(inChild, &request);
  return made < 0 ? made : request.result;
}

}  // namespace tsrun
