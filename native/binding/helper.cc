#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "../system/encode.h"
#include "../system/messages.h"
#include "../system/spawn.h"
#include "../wire/wire.h"
#include "arguments.h"
#include "children.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

// One step of the plan, its fields in wire order.
bool encodeFields(PlanEncoder& encoder, const Napi::Object& step, const char* fields) {
  for (const char* at = fields; *at != 0;) {
    const char* start = at;
    while (*at != ':') at++;
    const std::string name(start, at);
    const char type = at[1];
    at += 2;
    while (*at == ' ') at++;
    const Value value = step.Get(name);
    const Env env = step.Env();
    if (env.IsExceptionPending()) return false;
    if (type == 'n') {
      int64_t item = 0;
      if (!readNumber(value, item)) return false;
      encoder.number(item);
    } else if (type == 's') {
      if (!value.IsString()) return wrongType(env, "a step's field must be a string");
      const std::string item = value.As<Napi::String>().Utf8Value();
      if (hasNul(item)) return wrongType(env, "a step's string holds a NUL");
      encoder.text(item);
    } else {
      if (!value.IsArray()) return wrongType(env, "a step's field must be an array");
      const auto array = value.As<Napi::Array>();
      std::vector<std::string> items;
      std::vector<int64_t> numbers;
      for (uint32_t i = 0; i < array.Length(); i++) {
        const Value element = array.Get(i);
        if (type == 'u') {
          int64_t item = 0;
          if (!readNumber(element, item)) return false;
          numbers.push_back(item);
          continue;
        }
        if (!element.IsString()) return wrongType(env, "a step's list must hold strings");
        items.push_back(element.As<Napi::String>().Utf8Value());
        if (hasNul(items.back())) return wrongType(env, "a step's string holds a NUL");
      }
      if (type == 'u') {
        encoder.numbers(numbers);
      } else {
        encoder.texts(items);
      }
    }
  }
  return true;
}

bool encodeStep(PlanEncoder& encoder, const Value& value) {
  if (!value.IsObject()) return wrongType(value.Env(), "a step must be an object");
  const auto step = value.As<Napi::Object>();
  const Value op = step.Get("op");
  if (!op.IsString()) return wrongType(value.Env(), "a step must have an operation");
  const std::string name = op.As<Napi::String>().Utf8Value();
  for (const wire::Operation& operation : wire::kOperations) {
    if (name != operation.name) continue;
    encoder.begin(operation.op);
    return encodeFields(encoder, step, operation.fields);
  }
  return wrongType(value.Env(), "a step has an unknown operation");
}

Value Spawn(const CallbackInfo& info) {
  const Env env = info.Env();
  if (!info[0].IsObject()) {
    wrongType(env, "a spawn request is expected");
    return env.Undefined();
  }
  const auto request = info[0].As<Napi::Object>();
  SpawnRequest work;
  int64_t flags = 0;
  int64_t early = 0;
  int64_t cgroup = 0;
  int64_t slots = 0;
  std::vector<int> stdio;
  const bool read = readNumber(request.Get("cloneFlags"), flags) &&
                    readNumber(request.Get("earlyNamespaces"), early) &&
                    readNumber(request.Get("cgroupFd"), cgroup) &&
                    readNumber(request.Get("slots"), slots) &&
                    readIntegers(request.Get("stdio"), stdio) &&
                    readIntegers(request.Get("preserve"), work.preserve) &&
                    readIntegers(request.Get("fds"), work.slots);
  if (!read) return env.Undefined();
  if (stdio.size() != 3) return result(info, -EINVAL);
  // A process of its own in new namespaces; with CLONE_THREAD it would take the caller's place.
  constexpr int64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  if ((flags & ~kNamespaces) != 0) return result(info, -EINVAL);
  if (early < 0 || early > UINT32_MAX) return result(info, -EINVAL);
  work.cloneFlags = static_cast<unsigned long>(flags);
  work.early = static_cast<unsigned long>(early);
  work.cgroup = static_cast<int>(cgroup);
  std::copy(stdio.begin(), stdio.end(), work.stdio);
  const Value steps = request.Get("steps");
  if (!steps.IsArray()) {
    wrongType(env, "steps must be an array");
    return env.Undefined();
  }
  const auto array = steps.As<Napi::Array>();
  const uint32_t count = array.Length();
  if (slots < static_cast<int64_t>(work.slots.size()) || slots > wire::kMaxSlots ||
      work.preserve.size() > wire::kMaxSlots || count == 0) {
    return result(info, -EINVAL);
  }
  int64_t trace = 0;
  if (!readNumber(request.Get("trace"), trace)) return env.Undefined();
  PlanEncoder encoder;
  // Before there is a process: of what is no plan there need be none.
  if (!encodeStep(encoder, array.Get(0U))) return env.Undefined();
  Spawned spawned;
  long outcome = spawnHelper(work, spawned);
  if (outcome < 0) return result(info, outcome);
  for (uint32_t i = 1; i < count; i++) {
    if (encodeStep(encoder, array.Get(i))) continue;
    abandon(spawned);
    return env.Undefined();
  }
  const std::string plan =
      encoder.finish(static_cast<uint32_t>(slots), static_cast<uint32_t>(work.slots.size()),
                     static_cast<uint32_t>(work.preserve.size()), trace != 0);
  if (plan.empty()) {
    abandon(spawned);
    return result(info, -E2BIG);
  }
  outcome = givePlan(spawned, plan);
  if (outcome < 0) return result(info, outcome);
  noteChild(env, spawned.pidfd);
  auto object = Napi::Object::New(env);
  object.Set("pid", result(info, spawned.pid));
  object.Set("pidfd", result(info, spawned.pidfd));
  object.Set("socket", result(info, spawned.socket));
  return object;
}

const char* kindName(wire::Kind kind) {
  switch (kind) {
    case wire::Kind::Sync:
      return "sync";
    case wire::Kind::Failed:
      return "failed";
    case wire::Kind::Forked:
      return "forked";
    case wire::Kind::Console:
      return "console";
    case wire::Kind::Warning:
      return "warning";
    case wire::Kind::Trace:
      return "trace";
    case wire::Kind::Listener:
      return "listener";
    case wire::Kind::Tree:
      return "tree";
  }
  return "unknown";
}

Value Receive(const CallbackInfo& info) {
  Message message;
  const long got = receiveMessage(integer(info, 0), message);
  if (got <= 0) return result(info, got);
  if (message.kind == wire::Kind::Forked && message.fd >= 0) noteChild(info.Env(), message.fd);
  auto object = Napi::Object::New(info.Env());
  object.Set("type", string(info, kindName(message.kind)));
  object.Set("step", result(info, message.step));
  object.Set("value", result(info, message.value));
  object.Set("code", result(info, message.code));
  object.Set("text", string(info, message.text));
  object.Set("fd", result(info, message.fd));
  if (message.kind == wire::Kind::Trace) {
    auto times = Napi::Array::New(info.Env(), message.times.size());
    for (uint32_t i = 0; i < message.times.size(); i++)
      times.Set(i, result(info, message.times[i]));
    object.Set("times", times);
  }
  return object;
}

Value Proceed(const CallbackInfo& info) { return result(info, proceed(integer(info, 0))); }

Value Operations(const CallbackInfo& info) {
  std::vector<std::string> names;
  for (const wire::Operation& operation : wire::kOperations) {
    names.push_back(std::string(operation.name) + " " + operation.fields);
  }
  return strings(info, names);
}

constexpr Entry kEntries[] = {
    {"spawn", Spawn},
    {"receive", Receive},
    {"proceed", Proceed},
    {"operations", Operations},
};

}  // namespace

constinit const Entries kHelper = kEntries;

}  // namespace tsrun::binding
