// What the helper says to its parent; the table of messages is in wire.h.
#include <linux/errno.h>
#include <string.h>
#include <sys/socket.h>

#include "helper.h"

namespace tsrun::child {

long fail(long result, const char* text, wire::Code code) {
  self.failure.text[0] = 0;
  append(self.failure.text, sizeof self.failure.text, text);
  self.failure.code = code;
  return result;
}

// Nobody to tell is no failure to be told of: the parent has gone, and the helper ends.
[[noreturn]] static void cannotTell(long sent) {
  if (sent == -EPIPE || sent == -ECONNRESET) sys::exit(1);
  sys::exit(wire::kExitUntold + static_cast<int>(-sent));
}

// Ends the helper when the message cannot be sent: the parent would wait for it, or not know.
void send(wire::Kind kind, int32_t value, wire::Code code, const void* data, size_t size, int fd) {
  wire::MessageHeader header = {kind, self.step, value, static_cast<uint32_t>(code)};
  constexpr size_t room = wire::kMaxMessage - sizeof header;
  iovec parts[2] = {{&header, sizeof header}, {const_cast<void*>(data), size < room ? size : room}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto* part = reinterpret_cast<cmsghdr*>(control);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &fd, sizeof fd);
  }
  if (self.filtered && fd < 0) {
    // The fewer calls a profile has to allow, the better; without a parent there is nothing to do.
    static char packet[wire::kMaxMessage];
    memcpy(packet, &header, sizeof header);
    if (parts[1].iov_len > 0) memcpy(packet + sizeof header, data, parts[1].iov_len);
    long written;
    do {
      written = sys::write(self.socket, packet, sizeof header + parts[1].iov_len);
    } while (written == -EINTR);
    if (written < 0) cannotTell(written);
    return;
  }
  long sent;
  do {
    sent = sys::call(__NR_sendmsg, self.socket, sys::arg(&message), MSG_NOSIGNAL);
  } while (sent == -EINTR);
  if (sent < 0) cannotTell(sent);
}

void warn(const char* text) { send(wire::Kind::Warning, 0, wire::Code::None, text, length(text)); }

// The record that `start` reads from the fifo: `F<step> <errno> <code> <text>\n`.
static void reportBehindGate(int32_t error) {
  static char record[kPathSize + 64];
  record[0] = 0;
  append(record, sizeof record, "F");
  appendNumber(record, sizeof record, self.step);
  append(record, sizeof record, " ");
  appendNumber(record, sizeof record, error);
  append(record, sizeof record, " ");
  appendNumber(record, sizeof record, static_cast<int64_t>(self.failure.code));
  append(record, sizeof record, " ");
  append(record, sizeof record, self.failure.text);
  append(record, sizeof record, "\n");
  sys::write(self.gate, record, length(record));
}

void die(long result) {
  const auto error = static_cast<int32_t>(-result);
  if (self.gate >= 0) {
    reportBehindGate(error);
  } else {
    send(wire::Kind::Failed, error, self.failure.code, self.failure.text,
         length(self.failure.text));
  }
  sys::exit(1);
}

void dieAtGate(long result) {
  reportBehindGate(static_cast<int32_t>(-result));
  cannotTell(result);
}

void waitForParent() {
  char answer = 0;
  long got;
  do {
    got = sys::read(self.socket, &answer, 1);
  } while (got == -EINTR);
  if (got < 0) cannotTell(got);
  if (got != 1 || answer != wire::kGo) sys::exit(1);
}

}  // namespace tsrun::child
