// A message bus that answers anything. sd-bus reads the bytes; what it takes for
// a message is turned into values by native/system/bus.cc.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fuzzer/FuzzedDataProvider.h>
#include <systemd/sd-bus.h>

#include "../../../native/system/bus.h"
#include "descriptors.h"
#include "fuzz.h"

using namespace tsrun;

namespace {

constexpr char kHello[] = "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n";

// An abstract name that the kernel chooses, so that nothing is made anywhere.
int listening = -1;
std::string address;

void listenOnce() {
  if (listening >= 0) return;
  listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  HOLDS(bind(listening, reinterpret_cast<sockaddr*>(&name), sizeof name.sun_family) == 0);
  HOLDS(listen(listening, 16) == 0);
  socklen_t size = sizeof name;
  HOLDS(getsockname(listening, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  address = "unix:abstract=" + std::string(name.sun_path + 1, size - sizeof name.sun_family - 1);
}

void add32(std::string& to, uint32_t value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void align(std::string& to, size_t by) {
  while (to.size() % by != 0) to.push_back('\0');
}

// A header field: its code, and a text or a number.
void addText(std::string& to, char code, char type, const std::string& text) {
  align(to, 8);
  to += {code, 1, type, 0};
  if (type == 'g') {
    to.push_back(static_cast<char>(text.size()));
  } else {
    add32(to, static_cast<uint32_t>(text.size()));
  }
  to += text;
  to.push_back('\0');
}

void addNumber(std::string& to, char code, uint32_t value) {
  align(to, 8);
  to += {code, 1, 'u', 0};
  add32(to, value);
}

// A message of the bus (D-Bus specification, Message Format), whose body may say
// something else than its signature.
std::string message(char type, uint32_t serial, uint32_t replyTo, const std::string& signature,
                    const std::string& body, const std::string& name) {
  std::string fields;
  if (type == SD_BUS_MESSAGE_SIGNAL || type == SD_BUS_MESSAGE_METHOD_CALL) {
    addText(fields, 1, 'o', "/a");
    addText(fields, 2, 's', "a.b");
    addText(fields, 3, 's', name);
  } else {
    addNumber(fields, 5, replyTo);
    if (type == SD_BUS_MESSAGE_METHOD_ERROR) addText(fields, 4, 's', "a." + name);
  }
  addText(fields, 7, 's', ":1.0");
  if (!signature.empty()) addText(fields, 8, 'g', signature);
  std::string made = {'l', type, 1, 1};
  add32(made, static_cast<uint32_t>(body.size()));
  add32(made, serial);
  add32(made, static_cast<uint32_t>(fields.size()));
  made += fields;
  align(made, 8);
  return made + body;
}

std::string helloAnswer() {
  std::string body;
  add32(body, 4);
  body += ":1.7";
  body.push_back('\0');
  return message(SD_BUS_MESSAGE_METHOD_RETURN, 1, 1, "s", body, "");
}

std::string body(FuzzedDataProvider& data, const std::string& signature) {
  // Of a size that is right often enough for the first values to be read.
  std::string made;
  for (const char type : signature) {
    if (data.ConsumeIntegralInRange<int>(0, 15) == 15) break;
    switch (type) {
      case 'y':
        made.push_back(data.ConsumeIntegral<char>());
        break;
      case 'n':
      case 'q':
        align(made, 2);
        made.append(2, data.ConsumeIntegral<char>());
        break;
      case 'x':
      case 't':
      case 'd':
        align(made, 8);
        made.append(8, data.ConsumeIntegral<char>());
        break;
      case 's':
      case 'o': {
        align(made, 4);
        const std::string text = type == 'o' ? "/x" : data.ConsumeRandomLengthString(9);
        add32(made, static_cast<uint32_t>(text.size()));
        made += text;
        made.push_back('\0');
        break;
      }
      case 'g':
      case 'v':
        made += {1, 'y', 0};
        if (type == 'v') made.push_back('v');
        break;
      case '(':
      case '{':
        align(made, 8);
        break;
      case ')':
      case '}':
        break;
      case 'a':
        align(made, 4);
        add32(made, data.ConsumeIntegralInRange<uint32_t>(0, 9));
        break;
      default:
        align(made, 4);
        add32(made, data.ConsumeIntegralInRange<uint32_t>(0, 1));
    }
  }
  return made + data.ConsumeRandomLengthString(40);
}

std::string signature(FuzzedDataProvider& data) {
  static const char* const known[] = {"",     "s",  "b",      "ynqiuxtsogbd", "as",       "a(ss)",
                                      "(so)", "v",  "a{sv}",  "aas",          "vvv",      "ybh",
                                      "u",    "so", "sa(sv)", "(u(y)s)",      "a{s(ii)}", "d"};
  const size_t which = data.ConsumeIntegralInRange<size_t>(0, std::size(known));
  return which < std::size(known) ? known[which] : data.ConsumeRandomLengthString(12);
}

// What the bus says after the hello.
std::string talk(FuzzedDataProvider& data) {
  std::string said;
  for (int left = data.ConsumeIntegralInRange<int>(0, 4); left > 0; left--) {
    if (data.ConsumeIntegralInRange<int>(0, 7) == 0) {
      said += data.ConsumeRandomLengthString(80);
      continue;
    }
    const char type = data.ConsumeIntegralInRange<char>(0, 5);
    const std::string of = signature(data);
    said += message(type, data.ConsumeIntegralInRange<uint32_t>(0, 9),
                    data.ConsumeIntegralInRange<uint32_t>(0, 5), of, body(data, of),
                    data.ConsumeBool() ? "Name" : data.ConsumeRandomLengthString(9));
  }
  return said;
}

// What comes out is a list of values between opened and closed containers.
void check(const BusMessage& got) {
  int depth = 0;
  for (const BusItem& item : got.body) {
    HOLDS(item.code.size() == 1);
    const char code = item.code[0];
    if (code == ')') {
      HOLDS(--depth >= 0 && item.text.empty());
    } else if (code == 'a' || code == 'v' || code == 'r' || code == 'e') {
      HOLDS(++depth <= 64);
    } else {
      HOLDS(strchr("ybnqiuxtsog", code) != nullptr);
      HOLDS(item.text.find('\0') == std::string::npos);
    }
  }
  HOLDS(depth == 0);
  HOLDS(got.kind == BusMessage::Kind::Signal || got.cookie != 0);
}

// A call of ours, with arguments that may be none.
void callWith(FuzzedDataProvider& data, int handle) {
  BusCall call = {"a.b", "/a", "a.b", "Call", {}};
  if (data.ConsumeBool()) call.member = data.ConsumeRandomLengthString(8);
  std::replace(call.member.begin(), call.member.end(), '\0', '.');
  static const char* const texts[] = {
      "",  "0",  "1", "-1",  "255", "256",   "65535", "4294967295",
      "x", "1 ", "s", "(s)", "sv",  "a{sv}", "/",     "18446744073709551615"};
  for (int left = data.ConsumeIntegralInRange<int>(0, 6); left > 0; left--) {
    BusItem item;
    item.code = std::string(1, "ybnqiuxtsogavre)d"[data.ConsumeIntegralInRange<size_t>(0, 16)]);
    if (data.ConsumeIntegralInRange<int>(0, 9) == 9) item.code = data.ConsumeRandomLengthString(2);
    item.text = texts[data.ConsumeIntegralInRange<size_t>(0, std::size(texts) - 1)];
    if (data.ConsumeIntegralInRange<int>(0, 9) == 9) item.text = data.ConsumeRandomLengthString(9);
    call.body.push_back(item);
  }
  const long cookie = callBus(handle, call);
  HOLDS(cookie != 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  listenOnce();
  const fuzz::Descriptors before;
  HOLDS(openBus("nonsense:") < 0);
  const long opened = openBus(address);
  HOLDS(opened > 0);
  const int handle = static_cast<int>(opened);
  const int peer = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  HOLDS(peer >= 0);
  std::string said = data.ConsumeIntegralInRange<int>(0, 15) == 15
                         ? data.ConsumeRandomLengthString(80)
                         : kHello + helloAnswer();
  said += talk(data);
  HOLDS(send(peer, said.data(), said.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(said.size()));
  int fd = -1;
  int events = 0;
  HOLDS(watchBus(-1, fd, events) == -EBADF);
  HOLDS(watchBus(handle, fd, events) <= 0);
  if (data.ConsumeBool()) callWith(data, handle);
  bool ended = false;
  for (int turns = 0; turns < 200; turns++) {
    BusMessage got;
    const long status = receiveBus(handle, got);
    if (status == 1) {
      check(got);
    } else if (status == -EAGAIN) {
      if (ended) break;
      shutdown(peer, SHUT_WR);
      ended = true;
    } else {
      HOLDS(status < 0 && status > -4096);
      // A message that is none is said once; the connection may go on.
    }
  }
  BusMessage none;
  HOLDS(receiveBus(-1, none) == -EBADF);
  close(peer);
  closeBus(handle);
  HOLDS(callBus(handle, {"a.b", "/a", "a.b", "Call", {}}) == -EBADF);
  before.checkSame();
  return 0;
}
