// Trees that the parent opens anew in the helper's mount namespace.
#include <linux/errno.h>
#include <string.h>
#include <sys/socket.h>

#include "helper.h"

namespace tsrun::child {

// The parent answers with a descriptor, or without one where the tree in the slot is to stay.
static long takeTree(int64_t place) {
  char answer = 0;
  iovec part = {&answer, sizeof answer};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr packet = {};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  packet.msg_control = control;
  packet.msg_controllen = sizeof control;
  long got;
  do {
    got = sys::call(__NR_recvmsg, self.socket, sys::arg(&packet), MSG_CMSG_CLOEXEC);
  } while (got == -EINTR);
  if (got != 1 || answer != wire::kGo) sys::exit(1);
  // There was no free number for the tree: to go on would be to keep the one without locks.
  if ((packet.msg_flags & MSG_CTRUNC) != 0) return -EMFILE;
  const auto* header = reinterpret_cast<const cmsghdr*>(control);
  if (packet.msg_controllen < CMSG_LEN(sizeof(int)) || header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) {
    return 0;
  }
  int fd = -1;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return setSlot(place, fd);
}

long operations::lockTree(const wire::Step& step) {
  constexpr const char* kNamespaces = "/proc/self/ns";
  const int64_t place = NUMBER(step, lockTree, slot);
  const long links = openOwnProc("self/ns", O_PATH | O_DIRECTORY);
  if (links < 0) return fail(links, kNamespaces);
  const long fd = sys::openat(static_cast<int>(links), "mnt", O_RDONLY | O_CLOEXEC);
  sys::close(static_cast<int>(links));
  if (fd < 0) return fail(fd, kNamespaces);
  send(wire::Kind::Tree, static_cast<int32_t>(place), wire::Code::None, nullptr, 0,
       static_cast<int>(fd));
  sys::close(static_cast<int>(fd));
  return takeTree(place);
}

}  // namespace tsrun::child
