// Resource limits and capabilities.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tsrun {

// Raises a hard limit that is lower; leaves the soft one and a higher one alone. 0, or a negated
// errno.
long raiseHardLimit(pid_t pid, int resource, uint64_t hard);
// The caller's own, never above its hard limit. 0, or a negated errno.
long setSoftLimit(int resource, uint64_t soft);

struct Capabilities {
  uint64_t effective = 0;
  // Of those that were asked for.
  uint64_t bounding = 0;
  // The highest that this kernel knows.
  int last = 0;
};

// The caller's. 0, or a negated errno.
long readCapabilities(uint64_t asked, Capabilities& found);

}  // namespace tsrun
