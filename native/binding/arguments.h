// Arguments and results of the binding's functions. An argument of a wrong type is a bug of the
// caller's: a TypeError, and a value that the call then uses harmlessly before the error is seen.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tsrun::binding {

using Napi::CallbackInfo;
using Napi::Env;
using Napi::Value;

// Throws a TypeError, unless an exception is pending. Always false.
bool wrongType(Env env, const char* what);

// Values: false for one of a wrong type, which has thrown.
bool readNumber(const Value& value, int64_t& out);
bool readIntegers(const Value& value, std::vector<int>& out);
bool readStrings(const Value& value, std::vector<std::string>& out);

// Arguments by their index.
int64_t number(const CallbackInfo& info, size_t index);
int integer(const CallbackInfo& info, size_t index);
std::string text(const CallbackInfo& info, size_t index);

bool hasNul(const std::string& value);

// Text as UTF-8, or bytes where they are.
struct Data {
  const char* at = nullptr;
  size_t size = 0;
  std::string copy = {};
};
bool readData(const CallbackInfo& info, size_t index, Data& out);
// A path or a name without a NUL. It may be bytes: one that a program has chosen need not be UTF-8.
bool readName(const CallbackInfo& info, size_t index, std::string& name);

// Declare what an argument is read into, and return from the function when it cannot be.
#define REQUIRE_PATH(name, index)             \
  const std::string name = text(info, index); \
  if (hasNul(name)) return result(info, -EINVAL)
#define REQUIRE_NAME(name, index) \
  std::string name;               \
  if (!readName(info, index, name)) return result(info, -EINVAL)
#define REQUIRE_DATA(name, index) \
  Data name;                      \
  if (!readData(info, index, name)) return info.Env().Undefined()
#define REQUIRE_INTEGERS(name, index) \
  std::vector<int> name;              \
  if (!readIntegers(info[index], name)) return info.Env().Undefined()

// Results.
Value result(const CallbackInfo& info, int64_t value);
// The answer of a wrapper of the C library: -1 and errno become a negated errno.
Value answer(const CallbackInfo& info, int64_t value);
Value string(const CallbackInfo& info, const std::string& value);
Value bytes(const CallbackInfo& info, const void* from, size_t size);
Value pair(const CallbackInfo& info, int64_t first, int64_t second);
Value strings(const CallbackInfo& info, const std::vector<std::string>& values);

}  // namespace tsrun::binding
