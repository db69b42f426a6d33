// Directories, device nodes and links of the container.
#include <linux/errno.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include "helper.h"

namespace tsrun::child {

long operations::mkdir(const wire::Step& step) {
  const char* path = TEXT(step, mkdir, target);
  const long fd = makeDirectory(path, static_cast<unsigned>(NUMBER(step, mkdir, mode)));
  if (fd < 0) return fail(fd, path);
  sys::close(static_cast<int>(fd));
  return 0;
}

// /dev of an image may be a link to anywhere; nodes are made in real
// directories only (security.md row 11).
static uint64_t linkPolicy(const char* path) {
  return startsWith(path, "/dev/") ? RESOLVE_NO_SYMLINKS : 0;
}

// Nor on a volume that a link of the image has brought there: on the host they have nothing
// that keeps anybody from using them.
static uint64_t devicePolicy(const wire::Step& step, const char* path) {
  // Without a mount of its own /dev may be one that came with the root file system.
  const bool known = self.onDev >= 0 || !startsWith(path, "/dev/");
  const bool crosses = NUMBER(step, device, crosses) != 0 || !known;
  return linkPolicy(path) | (crosses ? 0 : RESOLVE_NO_XDEV);
}

// dev_t as the kernel's mknod takes it and stat gives it (include/linux/kdev_t.h).
static uint64_t deviceNumber(int64_t major, int64_t minor) {
  const auto high = static_cast<uint64_t>(major);
  const auto low = static_cast<uint64_t>(minor);
  return (low & 0xff) | ((high & 0xfff) << 8) | ((low & ~0xffULL) << 12);
}

// An image or a bind mount may have brought the node already; it is taken when
// it is the same device. Of a new one the name may have been exchanged since.
static long checkNode(int node, unsigned type, uint64_t number) {
  struct stat info = {};
  const long result =
      sys::call(__NR_newfstatat, node, sys::arg(""), sys::arg(&info), AT_EMPTY_PATH);
  if (result < 0) return result;
  if ((info.st_mode & S_IFMT) != type || (type != S_IFIFO && info.st_rdev != number)) {
    return -EEXIST;
  }
  return 0;
}

long operations::device(const wire::Step& step) {
  const char* path = TEXT(step, device, target);
  const auto mode = static_cast<unsigned>(NUMBER(step, device, mode));
  const uint64_t number = deviceNumber(NUMBER(step, device, major), NUMBER(step, device, minor));
  static char name[256];
  const long opened = openParent(path, name, sizeof name, devicePolicy(step, path));
  if (opened == -ELOOP) return fail(opened, path, wire::Code::WrongType);
  if (opened < 0) return fail(opened, path);
  const int parent = static_cast<int>(opened);
  long result = sys::call(__NR_mknodat, parent, sys::arg(name), mode, static_cast<long>(number));
  // By descriptor from here on: the name could be exchanged for another file.
  const bool made = result >= 0;
  long node = result == -EEXIST ? 0 : result;
  if (node >= 0) node = sys::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (node >= 0) result = checkNode(static_cast<int>(node), mode & S_IFMT, number);
  sys::close(parent);
  if (node < 0) return fail(node, path);
  if (result < 0) {
    sys::close(static_cast<int>(node));
    return fail(result, path, result == -EEXIST ? wire::Code::WrongType : wire::Code::None);
  }
  // One that was there may be the host's, by a mount of its /dev or of the node.
  if (!made) {
    sys::close(static_cast<int>(node));
    return 0;
  }
  result = sys::call(__NR_fchownat, node, sys::arg(""), NUMBER(step, device, uid),
                     NUMBER(step, device, gid), AT_EMPTY_PATH);
  sys::close(static_cast<int>(node));
  return result < 0 ? fail(result, path) : 0;
}

long operations::symlink(const wire::Step& step) {
  const char* path = TEXT(step, symlink, target);
  const char* contents = TEXT(step, symlink, contents);
  static char name[256];
  const long parent = openParent(path, name, sizeof name, linkPolicy(path));
  if (parent == -ELOOP) return fail(parent, path, wire::Code::WrongType);
  if (parent < 0) return fail(parent, path);
  long result = sys::call(__NR_symlinkat, sys::arg(contents), parent, sys::arg(name));
  if (result == -EEXIST && NUMBER(step, symlink, replace) != 0) {
    result = sys::call(__NR_unlinkat, parent, sys::arg(name), 0);
    if (result >= 0) {
      result = sys::call(__NR_symlinkat, sys::arg(contents), parent, sys::arg(name));
    }
  }
  sys::close(static_cast<int>(parent));
  return result < 0 && result != -EEXIST ? fail(result, path) : 0;
}

}  // namespace tsrun::child
