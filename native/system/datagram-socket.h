// Unix datagram sockets with a name in a directory.
#pragma once

#include <sys/types.h>

namespace tsrun {

// A non-blocking socket bound to `name`, which is new, with exactly this mode: a descriptor or a
// negated errno.
long bindDatagramAt(int directory, const char* name, mode_t mode);

}  // namespace tsrun
