// Children that have ended. Nothing here waits.
#pragma once

#include <sys/types.h>

namespace tsrun {

struct Ended {
  // Exit status when it exited, else 0.
  int status = 0;
  // Signal that killed it, else 0.
  int signal = 0;
};

// 0; -EAGAIN while it lives, -ECHILD when it is not ours, or another negated errno.
long reapChild(int pidfd, Ended& ended);

// The children of a process group: 0 when none is left, -EAGAIN while one of them lives.
long reapGroup(int group);

// All children but the one with this pid: how many, at most 1024.
long reapOthers(pid_t except);

}  // namespace tsrun
