#include "datagram-socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "own-root.h"

namespace tsrun {

namespace {

struct Request {
  int socket;
  int directory;
  mode_t mode;
  sockaddr_un address;
  long result;
};

// bind(2) has no directory and no mode, and its name may be somebody else's a moment later: so both
// come from the working directory and the umask, which this process shares with no other.
int inChild(void* argument) {
  auto& request = *static_cast<Request*>(argument);
  umask(0777 & ~request.mode);
  const bool bound = fchdir(request.directory) == 0 &&
                     bind(request.socket, reinterpret_cast<const sockaddr*>(&request.address),
                          sizeof request.address) == 0;
  request.result = bound ? 0 : -errno;
  return 0;
}

}  // namespace

long bindDatagramAt(int directory, const char* name, mode_t mode) {
  Request request = {-1, directory, mode, {}, -EIO};
  if (strlen(name) >= sizeof request.address.sun_path) return -ENAMETOOLONG;
  request.address.sun_family = AF_UNIX;
  strcpy(request.address.sun_path, name);
  request.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (request.socket < 0) return -errno;
  const long made = withOwnRoot(inChild, &request);
  const long result = made < 0 ? made : request.result;
  if (result >= 0) return request.socket;
  close(request.socket);
  return result;
}

}  // namespace tsrun
