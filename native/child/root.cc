// The root of the container: attributes, pivot_root(2) and its substitutes.
#include <linux/errno.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include "helper.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace tsrun::child {

long operations::rootAttributes(const wire::Step& step) {
  MountAttributes change = {};
  change.set = static_cast<uint64_t>(NUMBER(step, rootAttributes, set));
  change.clear = static_cast<uint64_t>(NUMBER(step, rootAttributes, clear));
  return mountSetattr(self.root, "", AT_EMPTY_PATH, change);
}

long operations::rootPropagation(const wire::Step& step) {
  const auto flags = static_cast<uint64_t>(NUMBER(step, rootPropagation, flags));
  MountAttributes change = {};
  change.propagation = flags & ~static_cast<uint64_t>(MS_REC);
  return mountSetattr(self.root, "", AT_EMPTY_PATH | ((flags & MS_REC) != 0 ? AT_RECURSIVE : 0),
                      change);
}

// pivot_root(".", ".") stacks the old root on the new one, where it is unmounted
// without a directory having been made for it (pivot_root(2), NOTES).
long operations::pivot(const wire::Step&) {
  const long old = sys::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (old < 0) return old;
  long result = sys::call(__NR_fchdir, self.root);
  if (result < 0) return result;
  result = sys::call(__NR_pivot_root, sys::arg("."), sys::arg("."));
  if (result < 0) return result;
  result = sys::call(__NR_fchdir, old);
  if (result < 0) return result;
  // The unmounting must not reach the host through a shared mount.
  result = sys::call(__NR_mount, 0, sys::arg("."), 0, MS_SLAVE | MS_REC, 0);
  if (result < 0) return result;
  result = sys::call(__NR_umount2, sys::arg("."), MNT_DETACH);
  if (result < 0) return result;
  sys::close(static_cast<int>(old));
  return sys::call(__NR_chdir, sys::arg("/"));
}

// Where the root cannot be pivoted (an initramfs): the root mount goes over /.
long operations::moveRoot(const wire::Step&) {
  long result = sys::call(__NR_fchdir, self.root);
  if (result < 0) return result;
  result = sys::call(__NR_mount, sys::arg("."), sys::arg("/"), 0, MS_MOVE, 0);
  if (result < 0) return result;
  result = sys::call(__NR_chroot, sys::arg("."));
  if (result < 0) return result;
  return sys::call(__NR_chdir, sys::arg("/"));
}

long operations::chroot(const wire::Step& step) {
  const char* path = TEXT(step, chroot, path);
  const long root = openRootOf(path, NUMBER(step, chroot, slot));
  if (root < 0) return fail(root, path);
  self.root = static_cast<int>(root);
  long result = sys::call(__NR_fchdir, root);
  if (result >= 0) result = sys::call(__NR_chroot, sys::arg("."));
  if (result >= 0) result = sys::call(__NR_chdir, sys::arg("/"));
  return result < 0 ? fail(result, path) : 0;
}

}  // namespace tsrun::child
