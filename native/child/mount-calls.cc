// The mount system calls of mount_setattr(2), open_tree(2), move_mount(2).
#include <linux/errno.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
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

// Whether a file is on the mount with that id: 1, 0, or a negated errno.
static long isOn(int fd, uint64_t id) {
  struct statx info = {};
  const long result =
      sys::call(__NR_statx, fd, sys::arg(""), AT_EMPTY_PATH, STATX_MNT_ID, sys::arg(&info));
  if (result < 0) return result;
  if ((info.stx_mask & STATX_MNT_ID) == 0) return -EOPNOTSUPP;
  return info.stx_mnt_id == id ? 1 : 0;
}

// Cuts the last name off; false where there is no directory left.
static bool toDirectory(char* path) {
  size_t end = length(path);
  while (end > 0 && path[end - 1] == '/') path[--end] = 0;
  while (end > 0 && path[end - 1] != '/') path[--end] = 0;
  return end > 0;
}

// A directory on the mount of a file: any, since each leads up to where the mount begins. So
// nothing depends on the names by which it is found.
static long directoryNear(int file, const char* path, uint64_t id) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  static char text[kPathSize];
  text[0] = 0;
  if (!append(text, sizeof text, path)) return -ENAMETOOLONG;
  toDirectory(text);
  long found = openInRoot(text, kFlags);
  if (found >= 0 && isOn(static_cast<int>(found), id) == 1) return found;
  if (found >= 0) sys::close(static_cast<int>(found));
  // A link led there.
  char link[40] = "/proc/self/fd/";
  appendNumber(link, sizeof link, file);
  const long count =
      sys::call(__NR_readlinkat, AT_FDCWD, sys::arg(link), sys::arg(text), sizeof text - 1);
  if (count < 0) return count;
  text[count] = 0;
  if (!toDirectory(text)) return -EXDEV;
  found = sys::openat(AT_FDCWD, text, kFlags);
  if (found < 0) return found;
  const long same = isOn(static_cast<int>(found), id);
  if (same == 1) return found;
  sys::close(static_cast<int>(found));
  return same < 0 ? same : -EXDEV;
}

static long openAbove(int directory) {
  open_how how = {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
  return sys::call(__NR_openat2, directory, sys::arg(".."), sys::arg(&how), sizeof how);
}

// Where the mount that a target is on begins.
static long openMountRoot(int target, const char* path) {
  struct statx info = {};
  long result = sys::call(__NR_statx, target, sys::arg(""), AT_EMPTY_PATH,
                          STATX_MNT_ID | STATX_TYPE, sys::arg(&info));
  if (result < 0) return result;
  if ((info.stx_mask & STATX_MNT_ID) == 0) return -EOPNOTSUPP;
  const uint64_t id = info.stx_mnt_id;
  const bool here = (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 || S_ISDIR(info.stx_mode);
  result = here ? sys::fcntl(target, F_DUPFD_CLOEXEC, 0) : directoryNear(target, path, id);
  // As deep as a path can be.
  for (size_t depth = 0; result >= 0 && depth < kPathSize / 2; depth++) {
    const int current = static_cast<int>(result);
    const long begins = isMountRoot(current);
    if (begins == 1) return current;
    result = begins < 0 ? begins : openAbove(current);
    sys::close(current);
  }
  if (result >= 0) sys::close(static_cast<int>(result));
  return result < 0 ? result : -ELOOP;
}

static long setGroup(int from, int to) {
  return sys::call(__NR_move_mount, from, sys::arg(""), to, sys::arg(""),
                   MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// A mount out of its peer group has what is mounted on it alone. A clone keeps the group for it.
static long moveOnto(int tree, int target, int top) {
  MountAttributes cut = {};
  const long clone = openTreeAt(top, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  if (clone < 0 && clone != -EINVAL) return clone;
  // Without a clone, and before Linux 5.15, it goes on to receive, and no longer passes on.
  const bool kept = clone >= 0 && setGroup(-1, -1) == -EBADF;
  cut.propagation = kept ? MS_PRIVATE : MS_SLAVE;
  long result = mountSetattr(top, "", AT_EMPTY_PATH, cut);
  if (result >= 0) result = moveMount(tree, target);
  if (result >= 0 && kept) {
    result = setGroup(static_cast<int>(clone), top);
    // It was private.
    if (result == -EINVAL) result = 0;
  }
  if (clone >= 0) sys::close(static_cast<int>(clone));
  return result;
}

long attachMount(int tree, int target, const char* path) {
  if (!self.sharing || path == nullptr) return moveMount(tree, target);
  const long top = openMountRoot(target, path);
  if (top < 0) return top;
  const long result = moveOnto(tree, target, static_cast<int>(top));
  sys::close(static_cast<int>(top));
  return result;
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
