// An engine with the addon in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "napi/env.h"

namespace tsrun {

class Host {
 public:
  // `chunks`: the modules to load from (chunks.h). `memory`: where the engine's
  // memory comes from, malloc(3) if nullptr.
  Host(const uint8_t* chunks, const JSMallocFunctions* memory);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  JSContext* context() const { return context_; }

  // What the addon exports: the Native of src/native/types.ts.
  JSValue native();
  // Text of the system's, decoded as everywhere: U+FFFD for what is not UTF-8.
  JSValue string(const char* text);
  // The exports of an embedded module, after it has run.
  JSValue import(std::string_view name);
  // Runs every embedded module, so that an import() finds it. An exception, or undefined.
  JSValue importAll();
  // Runs what is to be run until the promise is settled: true and its value,
  // or false and what it was rejected with. With nothing left to wait for the
  // value is JS_UNINITIALIZED.
  bool settle(JSValueConst promise, JSValue& value);
  // The pending exception, or the value, as text for a report of an internal error.
  std::string describe(JSValueConst error);

 private:
  bool runJobs();

  JSRuntime* runtime_;
  JSContext* context_;
  std::unique_ptr<napi_env__> env_;
};

}  // namespace tsrun
