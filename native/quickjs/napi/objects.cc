// Objects and arrays.

#include "env.h"

using tsrun::napi::done;
using tsrun::napi::give;
using tsrun::napi::valueOf;

napi_status napi_create_object(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_NewObject(env->context), result);
}

napi_status napi_create_array(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_NewArray(env->context), result);
}

// The length is what V8 calls it too: the array has holes until they are filled.
napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  const JSValue array = JS_NewArray(env->context);
  if (JS_IsException(array)) return done(env, napi_pending_exception);
  const JSValue size = JS_NewUint32(env->context, static_cast<uint32_t>(length));
  if (JS_SetPropertyStr(env->context, array, "length", size) < 0) {
    JS_FreeValue(env->context, array);
    return done(env, napi_pending_exception);
  }
  return give(env, array, result);
}

napi_status napi_is_array(napi_env env, napi_value value, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  *result = JS_IsArray(env->context, valueOf(value)) > 0;
  return done(env, napi_ok);
}

napi_status napi_get_array_length(napi_env env, napi_value value, uint32_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsArray(env->context, valueOf(value)) > 0, napi_array_expected);
  const JSValue length = JS_GetPropertyStr(env->context, valueOf(value), "length");
  if (JS_IsException(length)) return done(env, napi_pending_exception);
  JS_ToUint32(env->context, result, length);
  JS_FreeValue(env->context, length);
  return done(env, napi_ok);
}

// The object functions want an object: unlike on Node a primitive is not made one.

napi_status napi_get_element(napi_env env, napi_value object, uint32_t index, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsObject(valueOf(object)), napi_object_expected);
  return give(env, JS_GetPropertyUint32(env->context, valueOf(object), index), result);
}

napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, JS_IsObject(valueOf(object)), napi_object_expected);
  const JSValue own = JS_DupValue(env->context, valueOf(value));
  const int set = JS_SetPropertyUint32(env->context, valueOf(object), index, own);
  return done(env, set < 0 ? napi_pending_exception : napi_ok);
}

napi_status napi_get_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsObject(valueOf(object)), napi_object_expected);
  return give(env, JS_GetPropertyStr(env->context, valueOf(object), name), result);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char* name,
                                    napi_value value) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, name);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, JS_IsObject(valueOf(object)), napi_object_expected);
  const JSValue own = JS_DupValue(env->context, valueOf(value));
  const int set = JS_SetPropertyStr(env->context, valueOf(object), name, own);
  return done(env, set < 0 ? napi_pending_exception : napi_ok);
}

napi_status napi_get_property(napi_env env, napi_value object, napi_value key, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, key);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsObject(valueOf(object)), napi_object_expected);
  const JSAtom atom = JS_ValueToAtom(env->context, valueOf(key));
  if (atom == JS_ATOM_NULL) return done(env, napi_pending_exception);
  const JSValue value = JS_GetProperty(env->context, valueOf(object), atom);
  JS_FreeAtom(env->context, atom);
  return give(env, value, result);
}

napi_status napi_has_property(napi_env env, napi_value object, napi_value key, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK_ARG(env, key);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsObject(valueOf(object)), napi_object_expected);
  const JSAtom atom = JS_ValueToAtom(env->context, valueOf(key));
  if (atom == JS_ATOM_NULL) return done(env, napi_pending_exception);
  const int has = JS_HasProperty(env->context, valueOf(object), atom);
  JS_FreeAtom(env->context, atom);
  if (has < 0) return done(env, napi_pending_exception);
  *result = has != 0;
  return done(env, napi_ok);
}
