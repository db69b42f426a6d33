#include "../system/bus.h"

#include <cerrno>

#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

Value OpenBus(const CallbackInfo& info) {
  REQUIRE_PATH(address, 0);
  return result(info, openBus(address));
}

Value CloseBus(const CallbackInfo& info) {
  closeBus(integer(info, 0));
  return result(info, 0);
}

Value WatchBus(const CallbackInfo& info) {
  int fd = -1;
  int events = 0;
  const long outcome = watchBus(integer(info, 0), fd, events);
  if (outcome < 0) return result(info, outcome);
  return pair(info, fd, events);
}

bool readItems(const Value& value, std::vector<BusItem>& items) {
  if (!value.IsArray()) return wrongType(value.Env(), "the body of a message must be an array");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    const Value item = array.Get(i);
    if (!item.IsArray()) return wrongType(value.Env(), "an item of a message must be an array");
    const Value code = item.As<Napi::Array>().Get(0U);
    const Value text = item.As<Napi::Array>().Get(1U);
    if (!code.IsString() || !text.IsString()) {
      return wrongType(value.Env(), "an item of a message must be two strings");
    }
    items.push_back({code.As<Napi::String>().Utf8Value(), text.As<Napi::String>().Utf8Value()});
  }
  return true;
}

Value CallBus(const CallbackInfo& info) {
  BusCall call = {text(info, 1), text(info, 2), text(info, 3), text(info, 4), {}};
  if (!readItems(info[5], call.body)) return info.Env().Undefined();
  return result(info, callBus(integer(info, 0), call));
}

const char* kindName(BusMessage::Kind kind) {
  switch (kind) {
    case BusMessage::Kind::Reply:
      return "reply";
    case BusMessage::Kind::Error:
      return "error";
    case BusMessage::Kind::Signal:
      return "signal";
  }
  return "unknown";
}

Value ReceiveBus(const CallbackInfo& info) {
  BusMessage message;
  const long got = receiveBus(integer(info, 0), message);
  if (got < 0) return result(info, got);
  auto object = Napi::Object::New(info.Env());
  object.Set("type", string(info, kindName(message.kind)));
  object.Set("cookie", result(info, static_cast<int64_t>(message.cookie)));
  object.Set("name", string(info, message.name));
  object.Set("text", string(info, message.text));
  auto body = Napi::Array::New(info.Env(), message.body.size());
  for (uint32_t i = 0; i < message.body.size(); i++) {
    auto item = Napi::Array::New(info.Env(), 2);
    item.Set(0U, string(info, message.body[i].code));
    item.Set(1U, string(info, message.body[i].text));
    body.Set(i, item);
  }
  object.Set("body", body);
  return object;
}

constexpr Entry kEntries[] = {
    {"openBus", OpenBus}, {"closeBus", CloseBus},     {"watchBus", WatchBus},
    {"callBus", CallBus}, {"receiveBus", ReceiveBus},
};

}  // namespace

constinit const Entries kBus = kEntries;

}  // namespace tsrun::binding
