#include "device-tree.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "own-root.h"

namespace tsrun {

namespace {

constexpr char kName[] = "device";

struct Request {
  mode_t mode;
  dev_t device;
  uid_t uid;
  gid_t gid;
  const char* label;
  long result;
};

long negated(long result) { return result < 0 ? -errno : result; }

// Of a file system that the initial user namespace has, or the node could not be opened.
long newFileSystem(const char* label) {
  const int context = static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
  if (context < 0) return -errno;
  long result = 0;
  if (label[0] != 0) {
    result = negated(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "context", label, 0));
  }
  if (result >= 0) {
    result = negated(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  }
  if (result >= 0) {
    result = negated(
        syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  }
  close(context);
  return result;
}

long makeNode(int directory, const Request& request) {
  if (mknodat(directory, kName, request.mode, request.device) < 0 ||
      fchownat(directory, kName, request.uid, request.gid, AT_SYMLINK_NOFOLLOW) < 0 ||
      fchmodat(directory, kName, request.mode & 07777, 0) < 0) {
    return -errno;
  }
  return negated(syscall(SYS_open_tree, directory, kName, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

// @param attached to the root of the mount namespace, or nowhere
long makeTree(const Request& request, bool attached) {
  const long directory = newFileSystem(request.label);
  if (directory < 0) return directory;
  long result = 0;
  if (attached) {
    result = negated(syscall(SYS_move_mount, static_cast<int>(directory), "", AT_FDCWD, "/",
                             MOVE_MOUNT_F_EMPTY_PATH));
  }
  if (result >= 0) result = makeNode(static_cast<int>(directory), request);
  close(static_cast<int>(directory));
  return result;
}

// It gets a mount namespace, so that nobody else sees the mount.
int inChild(void* argument) {
  auto& request = *static_cast<Request*>(argument);
  if (unshare(CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
    request.result = -errno;
  } else {
    request.result = makeTree(request, true);
  }
  return 0;
}

}  // namespace

long deviceTree(mode_t mode, dev_t device, uid_t uid, gid_t gid, const char* label) {
  Request request = {mode, device, uid, gid, label, -EIO};
  const long detached = makeTree(request, false);
  // Kernels before 6.15 clone a part of a mount only where that is in the caller's mount namespace.
  if (detached != -EINVAL) return detached;
  const long made = withOwnRoot(inChild, &request);
  return made < 0 ? made : request.result;
}

}  // namespace tsrun
