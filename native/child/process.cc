// Properties of the process: scheduling, personality, umask, stdio.
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/sched/types.h>
#include <string.h>
#include <sys/stat.h>

#include "helper.h"

namespace tsrun::child {

// So that the program may reopen /dev/stdout. What cannot be changed (a
// read-only file, a device of another owner) stays as it is.
long operations::stdioOwner(const wire::Step& step) {
  const long uid = NUMBER(step, stdioOwner, uid);
  for (int fd = 0; fd < 3; fd++) {
    struct stat info = {};
    if (sys::call(__NR_fstat, fd, sys::arg(&info)) < 0) continue;
    constexpr uint64_t kNull = (1U << 8) | 3U;
    if (S_ISCHR(info.st_mode) && info.st_rdev == kNull) continue;
    if (info.st_uid == static_cast<unsigned>(uid)) continue;
    const long result = sys::call(__NR_fchown, fd, uid, info.st_gid);
    if (result < 0 && result != -EPERM && result != -EINVAL && result != -EROFS) return result;
  }
  return 0;
}

long operations::scheduler(const wire::Step& step) {
  sched_attr attributes = {};
  attributes.size = sizeof attributes;
  attributes.sched_policy = static_cast<uint32_t>(NUMBER(step, scheduler, policy));
  attributes.sched_flags = static_cast<uint64_t>(NUMBER(step, scheduler, flags));
  attributes.sched_nice = static_cast<int32_t>(NUMBER(step, scheduler, nice));
  attributes.sched_priority = static_cast<uint32_t>(NUMBER(step, scheduler, priority));
  attributes.sched_runtime = static_cast<uint64_t>(NUMBER(step, scheduler, runtime));
  attributes.sched_deadline = static_cast<uint64_t>(NUMBER(step, scheduler, deadline));
  attributes.sched_period = static_cast<uint64_t>(NUMBER(step, scheduler, period));
  return sys::call(__NR_sched_setattr, 0, sys::arg(&attributes), 0);
}

long operations::rlimit(const wire::Step& step) {
  // The kernel's rlimit64 of prlimit(2).
  const uint64_t limit[2] = {static_cast<uint64_t>(NUMBER(step, rlimit, soft)),
                             static_cast<uint64_t>(NUMBER(step, rlimit, hard))};
  return sys::call(__NR_prlimit64, 0, NUMBER(step, rlimit, resource), sys::arg(limit), 0);
}

long operations::ioprio(const wire::Step& step) {
  constexpr int kWhoProcess = 1;
  return sys::call(__NR_ioprio_set, kWhoProcess, 0, NUMBER(step, ioprio, value));
}

long operations::affinity(const wire::Step& step) {
  static uint64_t mask[128];
  const wire::List cpus = LIST(step, affinity, cpus);
  // The kernel leaves out what is not there, or not in the cpuset.
  memset(mask, cpus.count == 0 ? 0xff : 0, sizeof mask);
  for (uint32_t i = 0; i < cpus.count; i++) {
    const int64_t cpu = numbersOf(cpus)[i];
    if (cpu < 0 || cpu >= static_cast<int64_t>(sizeof mask * 8)) return -EINVAL;
    mask[cpu / 64] |= uint64_t{1} << (cpu % 64);
  }
  return sys::call(__NR_sched_setaffinity, 0, sizeof mask, sys::arg(mask));
}

long operations::personality(const wire::Step& step) {
  const long result = sys::call(__NR_personality, NUMBER(step, personality, persona));
  return result < 0 ? result : 0;
}

long operations::noNewPrivileges(const wire::Step&) { return sys::prctl(PR_SET_NO_NEW_PRIVS, 1); }

long operations::umask(const wire::Step& step) {
  sys::call(__NR_umask, NUMBER(step, umask, mask));
  self.umask = -1;
  return 0;
}

}  // namespace tsrun::child
