// Connections to a message bus, over sd-bus (sd-bus(3)). Nothing here waits:
// the caller polls the descriptor and comes back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsrun {

// A piece of a message's body, in order: a basic type with its value as text,
// `a`, `r`, `e` or `v` with the signature of what follows up to the piece `)`.
struct BusItem {
  std::string code;
  std::string text;
};

struct BusCall {
  std::string destination;
  std::string path;
  std::string interface;
  std::string member;
  std::vector<BusItem> body;
};

struct BusMessage {
  enum class Kind : uint8_t { Reply, Error, Signal };
  Kind kind = Kind::Signal;
  // Of the call that this answers.
  uint64_t cookie = 0;
  // Of the error, or member of the signal.
  std::string name;
  std::string text;
  std::vector<BusItem> body;
};

// A handle, or a negated errno.
long openBus(const std::string& address);
void closeBus(int handle);
// Both, or a negated errno.
long watchBus(int handle, int& fd, int& events);
// The call's cookie, or a negated errno.
long callBus(int handle, const BusCall& call);
// 1 with a message, -EAGAIN when there is none yet, or a negated errno.
long receiveBus(int handle, BusMessage& message);

}  // namespace tsrun
