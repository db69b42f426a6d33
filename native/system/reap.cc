#include "reap.h"

#include <sys/wait.h>

#include <cerrno>

namespace tsrun {

long reapChild(int pidfd, Ended& ended) {
  siginfo_t info = {};
  int outcome;
  do {
    outcome = waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | __WALL);
  } while (outcome < 0 && errno == EINTR);
  if (outcome < 0) return -errno;
  if (info.si_pid == 0) return -EAGAIN;
  const bool exited = info.si_code == CLD_EXITED;
  ended = {exited ? info.si_status : 0, exited ? 0 : info.si_status};
  return 0;
}

long reapGroup(int group) {
  // 0 would be our own.
  if (group <= 0) return -EINVAL;
  while (true) {
    siginfo_t info = {};
    const int outcome = waitid(P_PGID, static_cast<id_t>(group), &info, WEXITED | WNOHANG | __WALL);
    if (outcome < 0) return errno == ECHILD ? 0 : -errno;
    if (info.si_pid == 0) return -EAGAIN;
  }
}

// Orphans that a subreaper has been given have nobody who waits for them by
// name. Behind the excepted child others may hide: it is being waited for.
long reapOthers(pid_t except) {
  // A container that makes them faster than we reap them is not to stop us.
  constexpr int kMost = 1024;
  int count = 0;
  for (; count < kMost; count++) {
    siginfo_t info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
      if (errno == ECHILD) break;
      return -errno;
    }
    if (info.si_pid == 0 || info.si_pid == except) break;
    waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG);
  }
  return count;
}

}  // namespace tsrun
