// Detached trees of mounts.
#pragma once

namespace tsrun {

// open_tree(2): a descriptor, or a negated errno.
long openTreeAt(int dir, const char* path, unsigned flags);

// mount_setattr(2) with MOUNT_ATTR_IDMAP, with AT_RECURSIVE where asked for: 0, or a negated errno.
long idMapTree(int tree, int userNamespace, bool recursive);

}  // namespace tsrun
