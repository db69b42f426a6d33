#include "signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace tsrun {

namespace {

int pipeEnds[2] = {-1, -1};

// Not a signalfd: that wants the signals blocked in every thread, and Node has
// made its threads by now.
void tell(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  // A full pipe holds thousands of signals that nobody has read.
  [[maybe_unused]] const ssize_t written = write(pipeEnds[1], &byte, 1);
  errno = saved;
}

}  // namespace

long catchSignals(const std::vector<int>& signals) {
  if (pipeEnds[0] < 0 && pipe2(pipeEnds, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  struct sigaction action = {};
  action.sa_handler = tell;
  action.sa_flags = SA_RESTART;
  for (const int signal : signals) {
    if (sigaction(signal, &action, nullptr) < 0) return -errno;
  }
  return pipeEnds[0];
}

}  // namespace tsrun
