#include "host.h"

#include <string>

#include "../system/poller.h"
#include "chunks.h"

extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports);

namespace tsrun {

// Not linked, see no-trigonometry.cc.
static void removeTrigonometry(JSContext* context) {
  const JSValue global = JS_GetGlobalObject(context);
  const JSValue math = JS_GetPropertyStr(context, global, "Math");
  for (const char* name : {"sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
                           "tanh", "asinh", "acosh", "atanh", "expm1", "log1p", "cbrt"}) {
    const JSAtom atom = JS_NewAtom(context, name);
    JS_DeleteProperty(context, math, atom, 0);
    JS_FreeAtom(context, atom);
  }
  JS_FreeValue(context, math);
  JS_FreeValue(context, global);
}

// What the core uses of the language and nothing more: no eval, Proxy, WeakRef,
// String.prototype.normalize and trigonometry. There is no global of the host's at all.
static JSContext* makeContext(JSRuntime* runtime) {
  JSContext* context = JS_NewContextRaw(runtime);
  JS_AddIntrinsicBaseObjects(context);
  removeTrigonometry(context);
  JS_AddIntrinsicDate(context);
  JS_AddIntrinsicRegExp(context);
  JS_AddIntrinsicRegExpCompiler(context);
  JS_AddIntrinsicJSON(context);
  JS_AddIntrinsicMapSet(context);
  JS_AddIntrinsicTypedArrays(context);
  JS_AddIntrinsicPromise(context);
  return context;
}

Host::Host(const uint8_t* chunks, const JSMallocFunctions* memory)
    : runtime_(memory == nullptr ? JS_NewRuntime() : JS_NewRuntime2(memory, nullptr)),
      context_(makeContext(runtime_)) {
  // A process that lives for milliseconds has no use for the cycles it might find.
  JS_SetGCThreshold(runtime_, static_cast<size_t>(-1));
  env_ = std::make_unique<napi_env__>(context_);
  JS_SetContextOpaque(context_, env_.get());
  useChunks(runtime_, chunks);
}

Host::~Host() {
  env_.reset();
  JS_FreeContext(context_);
  JS_FreeRuntime(runtime_);
}

JSValue Host::native() {
  const size_t before = env_->handles.count();
  const napi_value exports = env_->handles.push(JS_NewObject(context_));
  const JSValue result =
      JS_DupValue(context_, napi::valueOf(napi_register_module_v1(env_.get(), exports)));
  env_->handles.popTo(before);
  return result;
}

JSValue Host::string(const char* text) {
  const size_t before = env_->handles.count();
  napi_value value = nullptr;
  if (napi_create_string_utf8(env_.get(), text, NAPI_AUTO_LENGTH, &value) != napi_ok) {
    return JS_EXCEPTION;
  }
  const JSValue result = JS_DupValue(context_, napi::valueOf(value));
  env_->handles.popTo(before);
  return result;
}

JSValue Host::import(std::string_view name) {
  const JSValue promise = JS_LoadModule(context_, "", std::string(name).c_str());
  if (JS_IsException(promise)) return JS_EXCEPTION;
  JSValue outcome;
  const bool good = settle(promise, outcome);
  JS_FreeValue(context_, promise);
  return good ? outcome : JS_Throw(context_, outcome);
}

JSValue Host::importAll() {
  for (uint32_t i = 0; i < chunkCount(); i++) {
    const JSValue module = import(chunkName(i));
    if (JS_IsException(module)) return JS_GetException(context_);
    JS_FreeValue(context_, module);
  }
  return JS_UNDEFINED;
}

bool Host::runJobs() {
  JSContext* context;
  int ran;
  while ((ran = JS_ExecutePendingJob(runtime_, &context)) > 0) {
  }
  return ran == 0;
}

bool Host::settle(JSValueConst promise, JSValue& value) {
  while (true) {
    // Jobs and callbacks that throw are a bug, as an uncaught exception is on Node.
    if (!runJobs() || JS_HasException(context_)) {
      value = JS_GetException(context_);
      return false;
    }
    const JSPromiseStateEnum state = JS_PromiseState(context_, promise);
    if (state != JS_PROMISE_PENDING) {
      value = JS_PromiseResult(context_, promise);
      return state == JS_PROMISE_FULFILLED;
    }
    if (!pollOnce()) {
      value = JS_UNINITIALIZED;
      return false;
    }
  }
}

std::string Host::describe(JSValueConst error) {
  std::string result;
  const auto add = [&](JSValue value) {
    size_t size = 0;
    const char* text = JS_ToCStringLen(context_, &size, value);
    if (text != nullptr) result.append(text, size);
    JS_FreeCString(context_, text);
    JS_FreeValue(context_, value);
  };
  if (JS_IsUninitialized(error)) return "the program waits for nothing";
  add(JS_DupValue(context_, error));
  if (JS_IsObject(error)) {
    const JSValue stack = JS_GetPropertyStr(context_, error, "stack");
    if (JS_IsString(stack)) {
      result += '\n';
      add(stack);
    } else {
      JS_FreeValue(context_, stack);
    }
  }
  return result;
}

}  // namespace tsrun
