// What a helper says to its parent, and what a container's processes could make
// of it: packets of any size with any descriptors.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fuzzer/FuzzedDataProvider.h>

#include "../../../native/system/messages.h"
#include "descriptors.h"
#include "fuzz.h"

using namespace tsrun;

namespace {

// Up to eight descriptors, in up to two control messages.
void sendPacket(int socket, const std::string& bytes, int descriptors, bool twice) {
  alignas(cmsghdr) char control[2 * CMSG_SPACE(4 * sizeof(int))] = {};
  iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
  msghdr packet = {};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  if (descriptors > 0) {
    packet.msg_control = control;
    const size_t space = CMSG_SPACE(static_cast<size_t>(descriptors) * sizeof(int));
    packet.msg_controllen = twice ? 2 * space : space;
    for (cmsghdr* one = CMSG_FIRSTHDR(&packet); one != nullptr; one = CMSG_NXTHDR(&packet, one)) {
      one->cmsg_level = SOL_SOCKET;
      one->cmsg_type = SCM_RIGHTS;
      one->cmsg_len = CMSG_LEN(static_cast<size_t>(descriptors) * sizeof(int));
      for (int i = 0; i < descriptors; i++) {
        const int fd = 2;
        memcpy(CMSG_DATA(one) + static_cast<size_t>(i) * sizeof fd, &fd, sizeof fd);
      }
    }
  }
  HOLDS(sendmsg(socket, &packet, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

void check(const Message& message, const std::string& bytes, int descriptors) {
  wire::MessageHeader header;
  HOLDS(bytes.size() >= sizeof header);
  memcpy(&header, bytes.data(), sizeof header);
  HOLDS(message.kind == header.kind && message.step == header.step);
  HOLDS(message.value == header.value && message.code == header.code);
  const std::string rest = bytes.substr(sizeof header, wire::kMaxMessage - sizeof header);
  if (header.kind == wire::Kind::Trace) {
    HOLDS(message.text.empty() && message.times.size() == rest.size() / 8);
    const std::string_view got(reinterpret_cast<const char*>(message.times.data()),
                               message.times.size() * 8);
    HOLDS(got == std::string_view(rest).substr(0, got.size()));
  } else {
    HOLDS(message.text == rest);
  }
  HOLDS((message.fd >= 0) == (descriptors > 0));
  // It must not be handed to a program by accident.
  if (message.fd >= 0) HOLDS((fcntl(message.fd, F_GETFD) & FD_CLOEXEC) != 0);
}

void receiveOne(int ours, const std::string& bytes, int descriptors) {
  Message message;
  const long got = receiveMessage(ours, message);
  // More than there is room for are an error, as they are where numbers are short.
  if (descriptors > 4) {
    HOLDS(got == -EMFILE && message.fd == -1);
    return;
  }
  if (bytes.empty()) {
    // Nothing is the end of the socket; the helper sends no such packet.
    HOLDS(got == 0);
    return;
  }
  if (bytes.size() < sizeof(wire::MessageHeader)) {
    HOLDS(got == -EBADMSG);
    return;
  }
  HOLDS(got == 1);
  check(message, bytes, descriptors);
  if (message.fd >= 0) close(message.fd);
}

void sendOne(FuzzedDataProvider& data, int theirs, int ours) {
  const std::string text = data.ConsumeRandomLengthString(64);
  const int fd = data.ConsumeBool() ? 2 : -1;
  const long sent = sendDescriptor(ours, text, fd);
  HOLDS(sent == (fd < 0 ? -EBADF : static_cast<long>(text.size())));
  char got[80];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  iovec part = {got, sizeof got};
  msghdr packet = {};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  packet.msg_control = control;
  packet.msg_controllen = sizeof control;
  if (sent < 0) return;
  const ssize_t size = recvmsg(theirs, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  HOLDS(size == sent && memcmp(got, text.data(), text.size()) == 0);
  const cmsghdr* one = CMSG_FIRSTHDR(&packet);
  HOLDS(one != nullptr && one->cmsg_type == SCM_RIGHTS);
  int carried = -1;
  memcpy(&carried, CMSG_DATA(one), sizeof carried);
  close(carried);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const fuzz::Descriptors before;
  int pair[2];
  HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
  Message none;
  HOLDS(receiveMessage(pair[0], none) == -EAGAIN);
  HOLDS(receiveMessage(-1, none) == -EBADF);
  for (int count = data.ConsumeIntegralInRange<int>(1, 4); count > 0; count--) {
    if (data.ConsumeBool()) sendOne(data, pair[1], pair[0]);
    const bool known = data.ConsumeBool();
    std::string packet;
    if (known) {
      const wire::MessageHeader header = {
          static_cast<wire::Kind>(data.ConsumeIntegralInRange<uint32_t>(0, 8)),
          data.ConsumeIntegral<uint32_t>(), data.ConsumeIntegral<int32_t>(),
          data.ConsumeIntegral<uint32_t>()};
      packet.assign(reinterpret_cast<const char*>(&header), sizeof header);
    }
    packet += data.ConsumeRandomLengthString(200);
    // Around what the parent has room for.
    if (data.ConsumeBool()) packet.resize(data.ConsumeIntegralInRange<size_t>(0, 5000), 'p');
    const int descriptors = data.ConsumeIntegralInRange<int>(0, 4);
    const bool twice = data.ConsumeBool();
    sendPacket(pair[1], packet, descriptors, twice);
    const bool gone = data.ConsumeIntegralInRange<int>(0, 7) == 7;
    if (gone) close(pair[1]);
    receiveOne(pair[0], packet, twice ? 2 * descriptors : descriptors);
    if (gone) {
      const long got = receiveMessage(pair[0], none);
      HOLDS(got == 0);
      pair[1] = -1;
      break;
    }
    HOLDS(proceed(pair[0]) == 0);
    char answer;
    while (recv(pair[1], &answer, 1, MSG_DONTWAIT) == 1) HOLDS(answer == wire::kGo);
  }
  close(pair[0]);
  if (pair[1] >= 0) close(pair[1]);
  before.checkSame();
  return 0;
}
