#include "bus.h"

#include <cerrno>

#include <systemd/sd-bus.h>

#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

namespace tsrun {
namespace {

struct CloseBus {
  // Without flushing: that would wait, and what matters has been answered.
  void operator()(sd_bus* bus) const {
    sd_bus_close(bus);
    sd_bus_unref(bus);
  }
};
using BusPointer = std::unique_ptr<sd_bus, CloseBus>;

struct FreeMessage {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using MessagePointer = std::unique_ptr<sd_bus_message, FreeMessage>;

// The threads of Node's workers share the table, and each knows only its own handles.
std::mutex mutex;
std::map<int, BusPointer> buses;
int nextHandle = 1;

sd_bus* busOf(int handle) {
  const std::lock_guard<std::mutex> guard(mutex);
  const auto found = buses.find(handle);
  return found == buses.end() ? nullptr : found->second.get();
}

template <typename Number>
int appendNumber(sd_bus_message* message, char type, const std::string& text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return -EINVAL;
  return sd_bus_message_append_basic(message, type, &value);
}

int appendBasic(sd_bus_message* message, char type, const std::string& text) {
  switch (type) {
    case SD_BUS_TYPE_BYTE:
      return appendNumber<uint8_t>(message, type, text);
    case SD_BUS_TYPE_BOOLEAN:
      if (text != "0" && text != "1") return -EINVAL;
      return appendNumber<int>(message, type, text);
    case SD_BUS_TYPE_INT16:
      return appendNumber<int16_t>(message, type, text);
    case SD_BUS_TYPE_UINT16:
      return appendNumber<uint16_t>(message, type, text);
    case SD_BUS_TYPE_INT32:
      return appendNumber<int32_t>(message, type, text);
    case SD_BUS_TYPE_UINT32:
      return appendNumber<uint32_t>(message, type, text);
    case SD_BUS_TYPE_INT64:
      return appendNumber<int64_t>(message, type, text);
    case SD_BUS_TYPE_UINT64:
      return appendNumber<uint64_t>(message, type, text);
    case SD_BUS_TYPE_STRING:
    case SD_BUS_TYPE_OBJECT_PATH:
    case SD_BUS_TYPE_SIGNATURE:
      if (text.find('\0') != std::string::npos) return -EINVAL;
      return sd_bus_message_append_basic(message, type, text.c_str());
    default:
      return -EINVAL;
  }
}

int append(sd_bus_message* message, const BusItem& item) {
  if (item.code.size() != 1) return -EINVAL;
  const char code = item.code[0];
  switch (code) {
    case SD_BUS_TYPE_ARRAY:
    case SD_BUS_TYPE_VARIANT:
    case SD_BUS_TYPE_STRUCT:
    case SD_BUS_TYPE_DICT_ENTRY:
      return sd_bus_message_open_container(message, code, item.text.c_str());
    case ')':
      return sd_bus_message_close_container(message);
    default:
      return appendBasic(message, code, item.text);
  }
}

int readBasic(sd_bus_message* message, char type, std::string& text) {
  union {
    uint8_t byte;
    int boolean;
    int16_t int16;
    uint16_t uint16;
    int32_t int32;
    uint32_t uint32;
    int64_t int64;
    uint64_t uint64;
    const char* string;
  } value = {};
  const int got = sd_bus_message_read_basic(message, type, &value);
  if (got < 0) return got;
  switch (type) {
    case SD_BUS_TYPE_BYTE:
      text = std::to_string(value.byte);
      return 0;
    case SD_BUS_TYPE_BOOLEAN:
      text = value.boolean != 0 ? "1" : "0";
      return 0;
    case SD_BUS_TYPE_INT16:
      text = std::to_string(value.int16);
      return 0;
    case SD_BUS_TYPE_UINT16:
      text = std::to_string(value.uint16);
      return 0;
    case SD_BUS_TYPE_INT32:
      text = std::to_string(value.int32);
      return 0;
    case SD_BUS_TYPE_UINT32:
      text = std::to_string(value.uint32);
      return 0;
    case SD_BUS_TYPE_INT64:
      text = std::to_string(value.int64);
      return 0;
    case SD_BUS_TYPE_UINT64:
      text = std::to_string(value.uint64);
      return 0;
    case SD_BUS_TYPE_STRING:
    case SD_BUS_TYPE_OBJECT_PATH:
    case SD_BUS_TYPE_SIGNATURE:
      text = value.string;
      return 0;
    default:
      // Doubles and descriptors, which nothing that we ask for has.
      return -EBADMSG;
  }
}

// Everything up to the end of the container that is being read. D-Bus allows
// 64 containers in one another, and sd-bus sees to it.
int readItems(sd_bus_message* message, std::vector<BusItem>& items) {
  while (true) {
    char type = 0;
    const char* contents = nullptr;
    const int found = sd_bus_message_peek_type(message, &type, &contents);
    if (found <= 0) return found;
    std::string text;
    if (contents == nullptr) {
      const int read = readBasic(message, type, text);
      if (read < 0) return read;
      items.push_back({std::string(1, type), text});
      continue;
    }
    items.push_back({std::string(1, type), contents});
    int status = sd_bus_message_enter_container(message, type, contents);
    if (status >= 0) status = readItems(message, items);
    if (status >= 0) status = sd_bus_message_exit_container(message);
    if (status < 0) return status;
    items.push_back({")", ""});
  }
}

int describe(sd_bus_message* from, BusMessage& message) {
  uint8_t type = 0;
  int status = sd_bus_message_get_type(from, &type);
  if (status < 0) return status;
  if (type == SD_BUS_MESSAGE_SIGNAL) {
    message.kind = BusMessage::Kind::Signal;
    const char* member = sd_bus_message_get_member(from);
    message.name = member == nullptr ? "" : member;
  } else {
    status = sd_bus_message_get_reply_cookie(from, &message.cookie);
    if (status < 0) return status;
    message.kind = BusMessage::Kind::Reply;
    if (const sd_bus_error* error = sd_bus_message_get_error(from)) {
      message.kind = BusMessage::Kind::Error;
      message.name = error->name == nullptr ? "" : error->name;
      message.text = error->message == nullptr ? "" : error->message;
      return 1;
    }
  }
  status = readItems(from, message.body);
  return status < 0 ? status : 1;
}

}  // namespace

long openBus(const std::string& address) {
  sd_bus* made = nullptr;
  int status = sd_bus_new(&made);
  if (status < 0) return status;
  BusPointer bus(made);
  status = sd_bus_set_address(made, address.c_str());
  if (status >= 0) status = sd_bus_set_bus_client(made, 1);
  if (status >= 0) status = sd_bus_start(made);
  if (status < 0) return status;
  const std::lock_guard<std::mutex> guard(mutex);
  const int handle = nextHandle++;
  buses.emplace(handle, std::move(bus));
  return handle;
}

void closeBus(int handle) {
  const std::lock_guard<std::mutex> guard(mutex);
  buses.erase(handle);
}

long watchBus(int handle, int& fd, int& events) {
  sd_bus* bus = busOf(handle);
  if (bus == nullptr) return -EBADF;
  fd = sd_bus_get_fd(bus);
  if (fd < 0) return fd;
  events = sd_bus_get_events(bus);
  return events < 0 ? events : 0;
}

long callBus(int handle, const BusCall& call) {
  sd_bus* bus = busOf(handle);
  if (bus == nullptr) return -EBADF;
  sd_bus_message* made = nullptr;
  int status =
      sd_bus_message_new_method_call(bus, &made, call.destination.c_str(), call.path.c_str(),
                                     call.interface.c_str(), call.member.c_str());
  if (status < 0) return status;
  const MessagePointer message(made);
  for (const BusItem& item : call.body) {
    status = append(made, item);
    if (status < 0) return status;
  }
  uint64_t cookie = 0;
  status = sd_bus_send(bus, made, &cookie);
  return status < 0 ? status : static_cast<long>(cookie);
}

long receiveBus(int handle, BusMessage& message) {
  sd_bus* bus = busOf(handle);
  if (bus == nullptr) return -EBADF;
  while (true) {
    sd_bus_message* received = nullptr;
    const int progress = sd_bus_process(bus, &received);
    if (progress < 0) return progress;
    if (progress == 0) return -EAGAIN;
    if (received == nullptr) continue;
    const MessagePointer owner(received);
    uint8_t type = 0;
    sd_bus_message_get_type(received, &type);
    // Calls of others: sd-bus has answered those that it knows.
    if (type == SD_BUS_MESSAGE_METHOD_CALL) continue;
    return describe(received, message);
  }
}

}  // namespace tsrun
