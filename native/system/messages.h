// The parent's side of the messages; the table is in wire/wire.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../wire/wire.h"

namespace tsrun {

struct Message {
  wire::Kind kind = wire::Kind::Sync;
  uint32_t step = 0;
  int32_t value = 0;
  uint32_t code = 0;
  std::string text;
  std::vector<int64_t> times;
  int fd = -1;
};

// 1 with a message, 0 at the end, or a negated errno (-EAGAIN: none yet).
long receiveMessage(int socket, Message& message);

// Lets a waiting helper go on.
long proceed(int socket);

// One message with one descriptor on a socket of the caller's: the bytes that it took.
long sendDescriptor(int socket, const std::string& data, int fd);

}  // namespace tsrun
