// The environment itself: handles, scopes, instance data.

#include "env.h"

#include <cstdio>
#include <cstdlib>

using tsrun::napi::done;
using tsrun::napi::valueOf;

namespace tsrun::napi {

JSValue* HandleStack::at(size_t index) {
  if (index < kBlock) return &first_[index];
  const size_t block = index / kBlock - 1;
  if (block == more_.size()) more_.emplace_back(new JSValue[kBlock]);
  return &more_[block][index % kBlock];
}

void HandleStack::popTo(size_t count) {
  while (count_ > count) JS_FreeValue(context_, *at(--count_));
}

}  // namespace tsrun::napi

napi_env__::~napi_env__() {
  if (instanceFinalizer != nullptr) instanceFinalizer(this, instanceData, instanceHint);
}

// A scope is named by the number of handles below it, plus one.

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = reinterpret_cast<napi_handle_scope>(env->handles.count() + 1);
  return done(env, napi_ok);
}

// Scopes end in the reverse order of their beginnings.
napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, scope);
  env->handles.popTo(reinterpret_cast<size_t>(scope) - 1);
  return done(env, napi_ok);
}

// The place for the value that escapes is the last one below the scope.
napi_status napi_open_escapable_handle_scope(napi_env env, napi_escapable_handle_scope* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  env->handles.push(JS_UNINITIALIZED);
  *result = reinterpret_cast<napi_escapable_handle_scope>(env->handles.count() + 1);
  return done(env, napi_ok);
}

napi_status napi_close_escapable_handle_scope(napi_env env, napi_escapable_handle_scope scope) {
  return napi_close_handle_scope(env, reinterpret_cast<napi_handle_scope>(scope));
}

// napi_escape_called_twice the second time.
napi_status napi_escape_handle(napi_env env, napi_escapable_handle_scope scope, napi_value escapee,
                               napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, scope);
  NAPI_CHECK_ARG(env, escapee);
  NAPI_CHECK_ARG(env, result);
  JSValue* place = env->handles.at(reinterpret_cast<size_t>(scope) - 2);
  NAPI_CHECK(env, JS_IsUninitialized(*place), napi_escape_called_twice);
  *place = JS_DupValue(env->context, valueOf(escapee));
  *result = reinterpret_cast<napi_value>(place);
  return done(env, napi_ok);
}

// The finalizer runs when the environment ends; it is not called for data that is replaced.
napi_status napi_set_instance_data(node_api_basic_env env, void* data, napi_finalize finalizer,
                                   void* hint) {
  NAPI_CHECK_ENV(env);
  env->instanceData = data;
  env->instanceFinalizer = finalizer;
  env->instanceHint = hint;
  return done(env, napi_ok);
}

napi_status napi_get_instance_data(node_api_basic_env env, void** data) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, data);
  *data = env->instanceData;
  return done(env, napi_ok);
}

// There are no asynchronous contexts and callback scopes here: nothing makes
// one, and these exist because destructors of node-addon-api refer to them.
napi_status napi_async_destroy(napi_env env, napi_async_context /*context*/) {
  NAPI_CHECK_ENV(env);
  return done(env, napi_invalid_arg);
}

napi_status napi_close_callback_scope(napi_env env, napi_callback_scope /*scope*/) {
  NAPI_CHECK_ENV(env);
  return done(env, napi_callback_scope_mismatch);
}

// A bug was found that makes it impossible to go on. Does not return.
void napi_fatal_error(const char* location, size_t /*locationLength*/, const char* message,
                      size_t /*messageLength*/) {
  std::fprintf(stderr, "tsrun: internal error, please report it: %s: %s\n",
               location == nullptr ? "" : location, message == nullptr ? "" : message);
  std::abort();
}
