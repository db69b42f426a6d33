#include "children.h"

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <vector>

namespace tsrun {

namespace {

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void reapAll(std::vector<pollfd> polled) {
  while (!polled.empty()) {
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
    std::erase_if(polled, [](const pollfd& entry) {
      if (entry.revents == 0) return false;
      siginfo_t ended = {};
      waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(entry.fd), &ended,
             WEXITED | WNOHANG | __WALL);
      close(entry.fd);
      return true;
    });
  }
}

// With the last environment that uses the addon Node unloads it, under the thread.
bool stayLoaded() {
  Dl_info self = {};
  return dladdr(reinterpret_cast<const void*>(&reapAll), &self) != 0 &&
         dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE) != nullptr;
}

}  // namespace

Children::~Children() {
  if (pidfds_.empty() || gettid() == getpid() || !stayLoaded()) return;
  std::vector<pollfd> polled;
  polled.reserve(pidfds_.size());
  for (const int pidfd : pidfds_) polled.push_back({pidfd, POLLIN, 0});
  // Signals are the program's other threads' business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread(reapAll, std::move(polled)).detach();
  } catch (const std::system_error&) {
    // No thread to be had: the children stay zombies until the program ends.
    for (const int pidfd : pidfds_) close(pidfd);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace tsrun
