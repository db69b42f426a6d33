#include "prepare-process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "../system/errors.h"

namespace tsrun {

namespace {

[[noreturn]] void end(const std::string& failed) {
  const std::string text = "tsrun: " + failed + ": " + errorText(errno) + "\n";
  // Standard error may be the stream that is missing.
  [[maybe_unused]] const ssize_t written = write(2, text.data(), text.size());
  _exit(1);
}

void openStandardStreams() {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (errno != EBADF) end("cannot ask for descriptor " + std::to_string(fd));
    // The lowest free number is the one that is missing.
    if (open("/dev/null", O_RDWR) != fd) end("cannot open /dev/null");
  }
}

}  // namespace

void prepareProcess() {
  openStandardStreams();
  // A write beyond RLIMIT_FSIZE then fails with EFBIG, which is told and undone. What is executed
  // in a container, and each hook, gets the default again (child/main.cc).
  signal(SIGXFSZ, SIG_IGN);
}

}  // namespace tsrun
