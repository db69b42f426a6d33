#include <cerrno>

#include "../system/datagram-socket.h"
#include "../system/messages.h"
#include "../system/unix-sockets.h"
#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

Value ConnectUnix(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return result(info, connectUnix(path));
}

// bindDatagramAt(dirfd, name, mode)
Value BindDatagramAt(const CallbackInfo& info) {
  REQUIRE_PATH(name, 1);
  return result(
      info, bindDatagramAt(integer(info, 0), name.c_str(), static_cast<mode_t>(integer(info, 2))));
}

Value SendUnixDatagram(const CallbackInfo& info) {
  REQUIRE_PATH(path, 0);
  return result(info, sendUnixDatagram(path, text(info, 1), integer(info, 2)));
}

Value SendFd(const CallbackInfo& info) {
  return result(info, sendDescriptor(integer(info, 0), text(info, 1), integer(info, 2)));
}

constexpr Entry kEntries[] = {
    {"connectUnix", ConnectUnix},
    {"bindDatagramAt", BindDatagramAt},
    {"sendUnixDatagram", SendUnixDatagram},
    {"sendFd", SendFd},
};

}  // namespace

constinit const Entries kSockets = kEntries;

}  // namespace tsrun::binding
