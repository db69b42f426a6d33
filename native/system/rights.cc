#include "rights.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tsrun {

long raiseHardLimit(pid_t pid, int resource, uint64_t hard) {
  const auto which = static_cast<__rlimit_resource>(resource);
  rlimit64 limit;
  if (prlimit64(pid, which, nullptr, &limit) < 0) return -errno;
  if (hard <= limit.rlim_max) return 0;
  limit.rlim_max = hard;
  return prlimit64(pid, which, &limit, nullptr) < 0 ? -errno : 0;
}

long setSoftLimit(int resource, uint64_t soft) {
  const auto which = static_cast<__rlimit_resource>(resource);
  rlimit64 limit;
  if (getrlimit64(which, &limit) < 0) return -errno;
  limit.rlim_cur = std::min(rlim64_t{soft}, limit.rlim_max);
  return setrlimit64(which, &limit) < 0 ? -errno : 0;
}

long readCapabilities(uint64_t asked, Capabilities& found) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) < 0) return -errno;
  found.effective = sets[0].effective | uint64_t{sets[1].effective} << 32;
  // No kernel with the mount API knows fewer.
  found.last = CAP_CHECKPOINT_RESTORE - 1;
  for (; found.last < 63; found.last++) {
    if (prctl(PR_CAPBSET_READ, found.last + 1, 0, 0, 0) >= 0) continue;
    if (errno == EINVAL) break;
    return -errno;
  }
  for (int number = 0; number <= found.last; number++) {
    const uint64_t bit = uint64_t{1} << number;
    if ((asked & bit) == 0) continue;
    if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) > 0) found.bounding |= bit;
  }
  return 0;
}

}  // namespace tsrun
