// Trees of mounts as a container's mount namespace has them.
#pragma once

namespace tsrun {

// open_tree(2) with the caller's rights, in a mount namespace: a descriptor or a negated errno.
// -ELOOP for a path through a magic link, which leads elsewhere there (/proc/self is this process).
long openTreeIn(int mountNamespace, const char* path, unsigned flags);

}  // namespace tsrun
