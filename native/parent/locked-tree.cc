#include "locked-tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
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

long openPlain(const char* path) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

int inChild(void* argument) {
  auto& request = *static_cast<Request*>(argument);
  long result = setns(request.mountNamespace, CLONE_NEWNS);
  if (result >= 0) result = openPlain(request.path);
  if (result < 0) {
    request.result = -errno;
    return 0;
  }
  const int place = static_cast<int>(result);
  result = syscall(SYS_open_tree, place, "", request.flags | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  request.result = result < 0 ? -errno : result;
  close(place);
  return 0;
}

}  // namespace

long openTreeIn(int mountNamespace, const char* path, unsigned flags) {
  Request request = {mountNamespace, path, flags, -EIO};
  const long made = withOwnRoot(inChild, &request);
  return made < 0 ? made : request.result;
}

}  // namespace tsrun
