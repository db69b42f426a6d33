#include "locked-tree.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

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

struct LockRequest {
  int tree;
  int mountNamespace;
  const AttributeChange& below;
  const AttributeChange& top;
  long result;
};

constexpr char kPlace[] = "tree";

long negated(long result) { return result < 0 ? -errno : result; }

long changeAttributes(int tree, const AttributeChange& change, unsigned flags) {
  if (change.set == 0 && change.clear == 0) return 0;
  mount_attr request = {};
  request.attr_set = change.set;
  request.attr_clr = change.clear;
  return negated(
      syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | flags, &request, sizeof request));
}

// An empty file system over the root, which becomes the working directory.
long coverRoot() {
  const int context = static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
  if (context < 0) return -errno;
  long result = negated(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  if (result >= 0) result = negated(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0));
  close(context);
  if (result < 0) return result;
  const int directory = static_cast<int>(result);
  result = negated(syscall(SYS_move_mount, directory, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
  if (result >= 0) result = negated(fchdir(directory));
  close(directory);
  return result;
}

long attachInPlace(int tree) {
  struct stat info = {};
  if (fstat(tree, &info) < 0) return -errno;
  const mode_t type = S_ISDIR(info.st_mode) ? S_IFDIR : S_IFREG;
  const long made = type == S_IFDIR ? mkdir(kPlace, 0700) : mknod(kPlace, S_IFREG | 0600, 0);
  if (made < 0) return -errno;
  return negated(syscall(SYS_move_mount, tree, "", AT_FDCWD, kPlace, MOVE_MOUNT_F_EMPTY_PATH));
}

// Whoever has every right in the user namespace could look into this process in there, and its
// memory is the caller's. lockTree() puts the flag back once the process has ended.
long joinUserNamespace(int userNamespace) {
  if (prctl(PR_SET_DUMPABLE, 0) < 0) return -errno;
  return negated(setns(userNamespace, CLONE_NEWUSER));
}

long cloneLocked(const LockRequest& request, int userNamespace) {
  long result = changeAttributes(request.tree, request.below, AT_RECURSIVE);
  if (result >= 0) result = changeAttributes(request.tree, request.top, 0);
  if (result >= 0) result = negated(unshare(CLONE_NEWNS));
  // So that nothing mounted here propagates to the host.
  if (result >= 0) result = negated(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  if (result >= 0) result = coverRoot();
  if (result >= 0) result = attachInPlace(request.tree);
  if (result >= 0) result = joinUserNamespace(userNamespace);
  // This copy, for another user namespace, is what locks the mounts.
  if (result >= 0) result = negated(unshare(CLONE_NEWNS));
  if (result < 0) return result;
  return negated(
      syscall(SYS_open_tree, AT_FDCWD, kPlace, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
}

int lockInChild(void* argument) {
  auto& request = *static_cast<LockRequest*>(argument);
  const int userNamespace = ioctl(request.mountNamespace, NS_GET_USERNS);
  if (userNamespace < 0) {
    request.result = -errno;
    return 0;
  }
  request.result = cloneLocked(request, userNamespace);
  close(userNamespace);
  return 0;
}

}  // namespace

long lockTree(int tree, int mountNamespace, const AttributeChange& below,
              const AttributeChange& top) {
  // All threads share the flag, which belongs to the memory: one at a time, or a thread would save
  // the value that another has set for a moment, and put that back.
  static std::mutex one;
  const std::lock_guard<std::mutex> guard(one);
  LockRequest request = {tree, mountNamespace, below, top, -EIO};
  const int dumpable = prctl(PR_GET_DUMPABLE);
  if (dumpable < 0) return -errno;
  const long made = withOwnRoot(lockInChild, &request);
  const long result = made < 0 ? made : request.result;
  // Only 1 can be set.
  if (dumpable != 1 || prctl(PR_SET_DUMPABLE, 1) == 0) return result;
  const int failed = errno;
  if (result >= 0) close(static_cast<int>(result));
  return -failed;
}

long openTreeIn(int mountNamespace, const char* path, unsigned flags) {
  Request request = {mountNamespace, path, flags, -EIO};
  const long made = withOwnRoot(inChild, &request);
  return made < 0 ? made : request.result;
}

}  // namespace tsrun
