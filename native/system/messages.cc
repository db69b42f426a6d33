#include "messages.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tsrun {

namespace {

// The descriptor in the control part, any further ones closed.
int takeDescriptor(msghdr& packet) {
  int taken = -1;
  for (cmsghdr* part = CMSG_FIRSTHDR(&packet); part != nullptr; part = CMSG_NXTHDR(&packet, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      if (taken < 0) {
        taken = fd;
      } else {
        close(fd);
      }
    }
  }
  return taken;
}

}  // namespace

long receiveMessage(int socket, Message& message) {
  char data[wire::kMaxMessage];
  alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
  iovec part = {data, sizeof data};
  msghdr packet = {};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  packet.msg_control = control;
  packet.msg_controllen = sizeof control;
  ssize_t got;
  // ECONNRESET comes once, before what is queued, when the other side ended without having read
  // everything: only the call after it tells whether there is a message.
  bool reset = false;
  do {
    got = recvmsg(socket, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && (errno == EINTR || (errno == ECONNRESET && !std::exchange(reset, true))));
  if (got < 0) return errno == ECONNRESET ? 0 : -errno;
  message.fd = takeDescriptor(packet);
  if ((packet.msg_flags & MSG_CTRUNC) != 0) {
    // There was no free number for a descriptor.
    if (message.fd >= 0) close(message.fd);
    message.fd = -1;
    return -EMFILE;
  }
  wire::MessageHeader header;
  if (static_cast<size_t>(got) < sizeof header) {
    // An empty packet looks like the end, and may carry a descriptor all the same.
    if (message.fd >= 0) close(message.fd);
    message.fd = -1;
    return got == 0 ? 0 : -EBADMSG;
  }
  memcpy(&header, data, sizeof header);
  message.kind = header.kind;
  message.step = header.step;
  message.value = header.value;
  message.code = header.code;
  const size_t rest = static_cast<size_t>(got) - sizeof header;
  if (header.kind == wire::Kind::Trace) {
    // Of a plan whose first step is the last sync point there are none.
    message.times.resize(rest / sizeof(int64_t));
    if (!message.times.empty()) {
      memcpy(message.times.data(), data + sizeof header, message.times.size() * sizeof(int64_t));
    }
  } else {
    message.text.assign(data + sizeof header, rest);
  }
  return 1;
}

long proceed(int socket) {
  const char go = wire::kGo;
  ssize_t sent;
  do {
    sent = send(socket, &go, 1, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

long sendDescriptor(int socket, const std::string& data, int fd) {
  iovec part = {const_cast<char*>(data.data()), data.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr packet = {};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  packet.msg_control = control;
  packet.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&packet);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t sent;
  do {
    sent = sendmsg(socket, &packet, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

}  // namespace tsrun
