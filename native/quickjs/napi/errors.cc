// Exceptions and the last error.

#include "env.h"

using tsrun::napi::done;
using tsrun::napi::give;
using tsrun::napi::valueOf;

// The message is a fixed text; nothing of the engine's. It stays valid until the next call.
napi_status napi_get_last_error_info(node_api_basic_env env,
                                     const napi_extended_error_info** result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  env->lastError.error_message =
      env->lastError.error_code == napi_ok ? nullptr : "the call of Node-API failed";
  *result = &env->lastError;
  return napi_ok;
}

namespace {

// `message` as an own property that is not enumerable, as the constructors make it.
napi_status describe(napi_env env, JSValue error, napi_value code, napi_value message,
                     napi_value* result) {
  if (JS_IsException(error)) return done(env, napi_pending_exception);
  JSContext* context = env->context;
  constexpr int kFlags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  int defined = JS_DefinePropertyValueStr(context, error, "message",
                                          JS_DupValue(context, valueOf(message)), kFlags);
  if (defined >= 0 && code != nullptr) {
    defined = JS_DefinePropertyValueStr(context, error, "code", JS_DupValue(context, valueOf(code)),
                                        JS_PROP_C_W_E);
  }
  if (defined < 0) {
    JS_FreeValue(context, error);
    return done(env, napi_pending_exception);
  }
  return give(env, error, result);
}

}  // namespace

napi_status napi_create_error(napi_env env, napi_value code, napi_value message,
                              napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, message);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsString(valueOf(message)), napi_string_expected);
  return describe(env, JS_NewError(env->context), code, message, result);
}

// By the constructor that is called TypeError now.
napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message,
                                   napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, message);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsString(valueOf(message)), napi_string_expected);
  JSContext* context = env->context;
  const JSValue global = JS_GetGlobalObject(context);
  const JSValue constructor = JS_GetPropertyStr(context, global, "TypeError");
  JS_FreeValue(context, global);
  if (JS_IsException(constructor)) return done(env, napi_pending_exception);
  const JSValue error = JS_CallConstructor(context, constructor, 0, nullptr);
  JS_FreeValue(context, constructor);
  return describe(env, error, code, message, result);
}

napi_status napi_throw(napi_env env, napi_value error) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, error);
  JS_Throw(env->context, JS_DupValue(env->context, valueOf(error)));
  return done(env, napi_ok);
}

napi_status napi_is_exception_pending(napi_env env, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  *result = JS_HasException(env->context) != 0;
  return done(env, napi_ok);
}

// undefined when none is pending.
napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  const bool pending = JS_HasException(env->context) != 0;
  return give(env, pending ? JS_GetException(env->context) : JS_UNDEFINED, result);
}
