// Device nodes for containers in user namespaces, where none can be made.
#pragma once

#include <sys/types.h>

namespace tsrun {

// A descriptor of a detached mount that is a new device node with this owner and
// these permissions, whatever the umask; or a negated errno. `label` is SELinux's, empty for none.
long deviceTree(mode_t mode, dev_t device, uid_t uid, gid_t gid, const char* label);

}  // namespace tsrun
