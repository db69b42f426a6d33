#include "../system/seccomp.h"
#include "../system/blake2b.h"
#include "arguments.h"
#include "themes.h"

namespace tsrun::binding {
namespace {

bool seccompRule(const Value& value, SeccompRule& rule) {
  if (!value.IsObject()) return wrongType(value.Env(), "a rule must be an object");
  const auto object = value.As<Napi::Object>();
  int64_t action = 0;
  const Value compare = object.Get("args");
  if (!readStrings(object.Get("names"), rule.names) || !readNumber(object.Get("action"), action)) {
    return false;
  }
  rule.action = static_cast<uint32_t>(action);
  if (!compare.IsArray()) return wrongType(value.Env(), "an array of numbers is expected");
  const auto array = compare.As<Napi::Array>();
  const uint32_t length = array.Length();
  if (length % 4 != 0) return wrongType(value.Env(), "four numbers an argument are expected");
  for (uint32_t i = 0; i < length; i += 4) {
    int64_t part[4] = {};
    for (uint32_t j = 0; j < 4; j++) {
      if (!readNumber(array.Get(i + j), part[j])) return false;
    }
    rule.arguments.push_back({static_cast<unsigned>(part[0]), static_cast<int>(part[1]),
                              static_cast<uint64_t>(part[2]), static_cast<uint64_t>(part[3])});
  }
  return true;
}

bool seccompProfile(const CallbackInfo& info, SeccompProfile& profile) {
  if (!info[0].IsObject()) return wrongType(info.Env(), "a profile is expected");
  const auto object = info[0].As<Napi::Object>();
  int64_t action = 0;
  if (!readNumber(object.Get("defaultAction"), action) ||
      !readStrings(object.Get("architectures"), profile.architectures)) {
    return false;
  }
  profile.defaultAction = static_cast<uint32_t>(action);
  const Value rules = object.Get("rules");
  if (!rules.IsArray()) return wrongType(info.Env(), "an array of rules is expected");
  const auto array = rules.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    if (!seccompRule(array.Get(i), profile.rules.emplace_back())) return false;
  }
  return true;
}

Value CompileSeccomp(const CallbackInfo& info) {
  const Env env = info.Env();
  SeccompProfile profile;
  if (!seccompProfile(info, profile)) return env.Undefined();
  SeccompFilter filter;
  const long outcome = compileSeccomp(profile, filter);
  auto object = Napi::Object::New(env);
  object.Set("error", result(info, outcome));
  object.Set("architecture", result(info, filter.failedArchitecture));
  object.Set("rule", result(info, filter.failedRule));
  object.Set("name", string(info, filter.failedName));
  object.Set("program", bytes(info, filter.program.data(), filter.program.size()));
  auto architectures = Napi::Array::New(env);
  uint32_t count = 0;
  for (const auto& [token, highest] : filter.architectures) {
    architectures.Set(count++, pair(info, token, highest));
  }
  object.Set("architectures", architectures);
  object.Set("unknown", strings(info, filter.unknown));
  return object;
}

Value SeccompSystem(const CallbackInfo& info) { return string(info, seccompSystem()); }
Value SeccompVersion(const CallbackInfo& info) { return string(info, seccompVersion()); }
Value SeccompFlagWorks(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(),
                            seccompFlagWorks(static_cast<unsigned long>(number(info, 0))));
}
Value SystemCallNumber(const CallbackInfo& info) {
  return result(info, systemCallNumber(text(info, 0).c_str()));
}

Value Digest(const CallbackInfo& info) {
  REQUIRE_DATA(data, 0);
  return string(info, blake2b(data.at, data.size));
}

constexpr Entry kEntries[] = {
    {"compileSeccomp", CompileSeccomp},     {"seccompSystem", SeccompSystem},
    {"seccompVersion", SeccompVersion},     {"seccompFlagWorks", SeccompFlagWorks},
    {"systemCallNumber", SystemCallNumber}, {"digest", Digest},
};

}  // namespace

constinit const Entries kSeccomp = kEntries;

}  // namespace tsrun::binding
