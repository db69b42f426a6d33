#include "trees.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace tsrun {

long openTreeAt(int dir, const char* path, unsigned flags) {
  const long tree = syscall(SYS_open_tree, dir, path, flags | OPEN_TREE_CLOEXEC);
  return tree < 0 ? -errno : tree;
}

long idMapTree(int tree, int userNamespace, bool recursive) {
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(userNamespace);
  const long changed =
      syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
              &attributes, sizeof attributes);
  return changed < 0 ? -errno : 0;
}

}  // namespace tsrun
