#include "unix-sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "messages.h"

namespace tsrun {

namespace {

// A name that does not fit into sun_path is reached through its directory's
// descriptor.
class UnixAddress {
 public:
  explicit UnixAddress(const std::string& path) {
    address_.sun_family = AF_UNIX;
    if (path.size() < sizeof address_.sun_path) {
      memcpy(address_.sun_path, path.c_str(), path.size() + 1);
      return;
    }
    const size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    directory_ = open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_ < 0) {
      error_ = errno;
      return;
    }
    const std::string shortened = "/proc/self/fd/" + std::to_string(directory_) + "/" + name;
    if (shortened.size() >= sizeof address_.sun_path) {
      error_ = ENAMETOOLONG;
      return;
    }
    memcpy(address_.sun_path, shortened.c_str(), shortened.size() + 1);
  }
  ~UnixAddress() {
    if (directory_ >= 0) close(directory_);
  }
  UnixAddress(const UnixAddress&) = delete;
  UnixAddress& operator=(const UnixAddress&) = delete;

  // 0, or a negated errno.
  long connectTo(int fd) const {
    if (error_ != 0) return -error_;
    return connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) < 0 ? -errno
                                                                                          : 0;
  }

 private:
  sockaddr_un address_ = {};
  int error_ = 0;
  int directory_ = -1;
};

// systemd writes an abstract name so (sd_notify(3)).
long connectAbstract(int fd, const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const size_t size = std::min(path.size(), sizeof address.sun_path);
  memcpy(address.sun_path, path.data(), size);
  address.sun_path[0] = 0;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), length) < 0 ? -errno : 0;
}

}  // namespace

long connectUnix(const std::string& path) {
  if (path.empty()) return -EINVAL;
  const UnixAddress where(path);
  // A full backlog is -EAGAIN and not a wait.
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  long outcome = where.connectTo(fd);
  if (outcome == 0 && fcntl(fd, F_SETFL, 0) < 0) outcome = -errno;
  if (outcome == 0) return fd;
  close(fd);
  return outcome;
}

long sendUnixDatagram(const std::string& path, const std::string& message, int carried) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  long sent = path.starts_with('@') ? connectAbstract(fd, path) : UnixAddress(path).connectTo(fd);
  if (sent == 0 && carried >= 0) {
    sent = sendDescriptor(fd, message, carried);
  } else if (sent == 0 && send(fd, message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    sent = -errno;
  }
  close(fd);
  return sent;
}

}  // namespace tsrun
