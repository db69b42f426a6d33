// Trees of mounts as a container's mount namespace has them.
#pragma once

namespace tsrun {

// open_tree(2) with the caller's rights, in a mount namespace: a descriptor or a negated errno.
// -ELOOP for a path through a magic link, which leads elsewhere there (/proc/self is this process).
long openTreeIn(int mountNamespace, const char* path, unsigned flags);

struct AttributeChange {
  unsigned long long set;
  unsigned long long clear;
};

// A clone of a detached tree with the locks that a copy for the user namespace of a mount namespace
// gets: a descriptor or a negated errno. Before that, `below` changes all mounts of the tree, then
// `top` the first. The tree is used up.
long lockTree(int tree, int mountNamespace, const AttributeChange& below,
              const AttributeChange& top);

}  // namespace tsrun
