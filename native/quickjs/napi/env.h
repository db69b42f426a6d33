// Node-API over QuickJS: what its functions share.
//
// Only the functions that native/binding/ links are here, each with what it
// does beyond, or short of, Node's documentation of the same name; the build
// compares the two lists (check-napi.sh). Common to all of them:
//
// - one thread and one environment; no function may be called from elsewhere
// - arguments that Node-API calls invalid (a null pointer, a handle of another
//   type) give napi_invalid_arg or the napi_*_expected of the type
// - while a JavaScript exception is pending, functions that could run
//   JavaScript do nothing and give napi_pending_exception, as on Node
// - handles live until the scope ends that they were made in; a callback's
//   scope ends when it returns
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>
#include <quickjs.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tsrun::napi {

// Handles are addresses of JSValues on a stack that never moves: blocks that
// are added and not given back.
class HandleStack {
 public:
  explicit HandleStack(JSContext* context) : context_(context) {}
  ~HandleStack() { popTo(0); }
  HandleStack(const HandleStack&) = delete;
  HandleStack& operator=(const HandleStack&) = delete;

  // Takes the reference over.
  napi_value push(JSValue value) {
    JSValue* place = at(count_++);
    *place = value;
    return reinterpret_cast<napi_value>(place);
  }
  size_t count() const { return count_; }
  void popTo(size_t count);
  JSValue* at(size_t index);

 private:
  static constexpr size_t kBlock = 512;

  JSContext* context_;
  size_t count_ = 0;
  JSValue first_[kBlock];
  std::vector<std::unique_ptr<JSValue[]>> more_;
};

}  // namespace tsrun::napi

struct napi_env__ {
  explicit napi_env__(JSContext* context) : context(context), handles(context) {}
  ~napi_env__();
  napi_env__(const napi_env__&) = delete;
  napi_env__& operator=(const napi_env__&) = delete;

  JSContext* context;
  tsrun::napi::HandleStack handles;
  napi_extended_error_info lastError = {};
  void* instanceData = nullptr;
  napi_finalize instanceFinalizer = nullptr;
  void* instanceHint = nullptr;

  // Functions of napi_define_properties: QuickJS makes each when it is first used.
  struct Method {
    napi_callback callback;
    void* data;
  };
  std::vector<Method> methods;
  std::vector<std::unique_ptr<JSCFunctionListEntry[]>> methodLists;
};

// The arguments of a callback while it runs.
struct napi_callback_info__ {
  JSValueConst self;
  int count;
  JSValueConst* values;
  void* data;
};

struct napi_ref__ {
  JSValue value;
};

namespace tsrun::napi {

inline napi_status done(napi_env env, napi_status status) {
  env->lastError.error_code = status;
  return status;
}

inline JSValueConst valueOf(napi_value handle) { return *reinterpret_cast<JSValue*>(handle); }

// Gives a new value, or the exception that came instead of it, to the caller.
inline napi_status give(napi_env env, JSValue value, napi_value* result) {
  if (JS_IsException(value)) return done(env, napi_pending_exception);
  *result = env->handles.push(value);
  return done(env, napi_ok);
}

}  // namespace tsrun::napi

#define NAPI_CHECK_ENV(env) \
  if ((env) == nullptr) return napi_invalid_arg

#define NAPI_CHECK(env, condition, status) \
  if (!(condition)) return tsrun::napi::done(env, status)

#define NAPI_CHECK_ARG(env, argument) NAPI_CHECK(env, (argument) != nullptr, napi_invalid_arg)

#define NAPI_CHECK_PENDING(env) \
  NAPI_CHECK(env, !JS_HasException((env)->context), napi_pending_exception)
