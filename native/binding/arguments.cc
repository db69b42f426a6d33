#include "arguments.h"

#include <cerrno>
#include <cstring>

namespace tsrun::binding {

bool wrongType(Env env, const char* what) {
  // A property whose getter has thrown: an empty value, without an environment.
  if (static_cast<napi_env>(env) == nullptr) return false;
  if (!env.IsExceptionPending()) Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
  return false;
}

bool readNumber(const Value& value, int64_t& out) {
  if (value.IsNumber()) {
    out = value.As<Napi::Number>().Int64Value();
    return true;
  }
  if (value.IsBoolean()) {
    out = value.As<Napi::Boolean>().Value() ? 1 : 0;
    return true;
  }
  if (value.IsBigInt()) {
    // Two's complement, so that unsigned 64-bit masks pass unchanged.
    bool lossless = false;
    out = static_cast<int64_t>(value.As<Napi::BigInt>().Uint64Value(&lossless));
    if (!lossless) out = value.As<Napi::BigInt>().Int64Value(&lossless);
    return lossless || wrongType(value.Env(), "the number has more than 64 bits");
  }
  return wrongType(value.Env(), "a number is expected");
}

// Lists: nothing is reserved, since a length may be anything.

bool readIntegers(const Value& value, std::vector<int>& out) {
  if (!value.IsArray()) return wrongType(value.Env(), "an array of numbers is expected");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    int64_t item = 0;
    if (!readNumber(array.Get(i), item)) return false;
    out.push_back(static_cast<int>(item));
  }
  return true;
}

bool readStrings(const Value& value, std::vector<std::string>& out) {
  if (!value.IsArray()) return wrongType(value.Env(), "an array of strings is expected");
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    const Value item = array.Get(i);
    if (!item.IsString()) return wrongType(value.Env(), "a string is expected");
    out.push_back(item.As<Napi::String>().Utf8Value());
  }
  return true;
}

int64_t number(const CallbackInfo& info, size_t index) {
  int64_t value = 0;
  readNumber(info[index], value);
  return value;
}

int integer(const CallbackInfo& info, size_t index) {
  return static_cast<int>(number(info, index));
}

std::string text(const CallbackInfo& info, size_t index) {
  if (!info[index].IsString()) {
    wrongType(info.Env(), "a string is expected");
    return {};
  }
  return info[index].As<Napi::String>().Utf8Value();
}

bool hasNul(const std::string& value) { return value.find('\0') != std::string::npos; }

bool readData(const CallbackInfo& info, size_t index, Data& out) {
  const Value value = info[index];
  if (value.IsString()) {
    out.copy = value.As<Napi::String>().Utf8Value();
    out.at = out.copy.data();
    out.size = out.copy.size();
    return true;
  }
  if (value.IsTypedArray()) {
    const auto bytes = value.As<Napi::Uint8Array>();
    out.at = reinterpret_cast<const char*>(bytes.Data());
    out.size = bytes.ByteLength();
    return true;
  }
  return wrongType(info.Env(), "a string or bytes are expected");
}

bool readName(const CallbackInfo& info, size_t index, std::string& name) {
  Data data;
  if (!readData(info, index, data)) return false;
  name.assign(data.at, data.size);
  return !hasNul(name);
}

Value result(const CallbackInfo& info, int64_t value) {
  return Napi::Number::New(info.Env(), static_cast<double>(value));
}

Value answer(const CallbackInfo& info, int64_t value) {
  return result(info, value < 0 ? -errno : value);
}

Value string(const CallbackInfo& info, const std::string& value) {
  return Napi::String::New(info.Env(), value);
}

Value bytes(const CallbackInfo& info, const void* from, size_t size) {
  auto array = Napi::Uint8Array::New(info.Env(), size);
  if (size > 0) memcpy(array.Data(), from, size);
  return array;
}

Value pair(const CallbackInfo& info, int64_t first, int64_t second) {
  auto array = Napi::Array::New(info.Env(), 2);
  array.Set(0U, result(info, first));
  array.Set(1U, result(info, second));
  return array;
}

Value strings(const CallbackInfo& info, const std::vector<std::string>& values) {
  auto array = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const auto& value : values) array.Set(count++, string(info, value));
  return array;
}

}  // namespace tsrun::binding
