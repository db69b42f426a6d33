// The mount system calls of mount_setattr(2), open_tree(2), move_mount(2).
#include <linux/errno.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "helper.h"

namespace tsrun::child {

long openTreeAt(int dir, const char* path, unsigned flags) {
  return sys::call(__NR_open_tree, dir, sys::arg(path), flags | OPEN_TREE_CLOEXEC);
}

long mountSetattr(int dir, const char* path, unsigned flags, const MountAttributes& attributes) {
  mount_attr request = {};
  request.attr_set = attributes.set;
  request.attr_clr = attributes.clear;
  request.propagation = attributes.propagation;
  request.userns_fd = attributes.userNamespace;
  return sys::call(__NR_mount_setattr, dir, sys::arg(path), flags, sys::arg(&request),
                   sizeof request);
}

long moveMount(int tree, int target) {
  return sys::call(__NR_move_mount, tree, sys::arg(""), target, sys::arg(""),
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

long isMountRoot(int fd) {
  struct statx info = {};
  const long result = sys::call(__NR_statx, fd, sys::arg(""), AT_EMPTY_PATH, 0, sys::arg(&info));
  if (result < 0) return result;
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? 1 : 0;
}

long isDirectory(int fd) {
  struct stat info = {};
  const long result = sys::call(__NR_newfstatat, fd, sys::arg(""), sys::arg(&info), AT_EMPTY_PATH);
  if (result < 0) return result;
  return S_ISDIR(info.st_mode) ? 1 : 0;
}

long sameFile(int a, int b) {
  struct stat first = {};
  struct stat second = {};
  long result = sys::call(__NR_newfstatat, a, sys::arg(""), sys::arg(&first), AT_EMPTY_PATH);
  if (result < 0) return result;
  result = sys::call(__NR_newfstatat, b, sys::arg(""), sys::arg(&second), AT_EMPTY_PATH);
  if (result < 0) return result;
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino ? 1 : 0;
}

long fileSystemType(int fd) {
  struct statfs info = {};
  const long result = sys::call(__NR_fstatfs, fd, sys::arg(&info));
  return result < 0 ? result : static_cast<long>(info.f_type);
}

}  // namespace tsrun::child
