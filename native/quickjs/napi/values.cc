// Primitive values, and what a value is.

#include "env.h"

#include <cmath>

using tsrun::napi::done;
using tsrun::napi::give;
using tsrun::napi::valueOf;

napi_status napi_get_undefined(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_UNDEFINED, result);
}

napi_status napi_get_global(napi_env env, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_GetGlobalObject(env->context), result);
}

napi_status napi_get_boolean(napi_env env, bool value, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_NewBool(env->context, value), result);
}

napi_status napi_create_double(napi_env env, double value, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_NewFloat64(env->context, value), result);
}

napi_status napi_create_bigint_uint64(napi_env env, uint64_t value, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_NewBigUint64(env->context, value), result);
}

// An object of a host's own type is an object; there are no externals here.
napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  const JSValueConst given = valueOf(value);
  if (JS_IsUndefined(given)) {
    *result = napi_undefined;
  } else if (JS_IsNull(given)) {
    *result = napi_null;
  } else if (JS_IsBool(given)) {
    *result = napi_boolean;
  } else if (JS_IsNumber(given)) {
    *result = napi_number;
  } else if (JS_IsString(given)) {
    *result = napi_string;
  } else if (JS_IsSymbol(given)) {
    *result = napi_symbol;
  } else if (JS_IsBigInt(env->context, given)) {
    *result = napi_bigint;
  } else if (JS_IsFunction(env->context, given)) {
    *result = napi_function;
  } else if (JS_IsObject(given)) {
    *result = napi_object;
  } else {
    return done(env, napi_invalid_arg);
  }
  return done(env, napi_ok);
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, JS_IsBool(valueOf(value)), napi_boolean_expected);
  *result = JS_VALUE_GET_BOOL(valueOf(value)) != 0;
  return done(env, napi_ok);
}

// Never throws: no coercion to boolean runs JavaScript.
napi_status napi_coerce_to_bool(napi_env env, napi_value value, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_NewBool(env->context, JS_ToBool(env->context, valueOf(value))), result);
}

// Truncates towards zero. Not a finite number: 0; beyond 64 bits: the nearest end.
napi_status napi_get_value_int64(napi_env env, napi_value value, int64_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  const JSValueConst given = valueOf(value);
  NAPI_CHECK(env, JS_IsNumber(given), napi_number_expected);
  if (JS_VALUE_GET_TAG(given) == JS_TAG_INT) {
    *result = JS_VALUE_GET_INT(given);
    return done(env, napi_ok);
  }
  const double number = JS_VALUE_GET_FLOAT64(given);
  if (!std::isfinite(number)) {
    *result = 0;
  } else if (number >= 9223372036854775808.0) {
    *result = INT64_MAX;
  } else if (number <= -9223372036854775808.0) {
    *result = INT64_MIN;
  } else {
    *result = static_cast<int64_t>(number);
  }
  return done(env, napi_ok);
}

// The low 64 bits; lossless when these are the whole number.
napi_status napi_get_value_bigint_int64(napi_env env, napi_value value, int64_t* result,
                                        bool* lossless) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK_ARG(env, lossless);
  JSContext* context = env->context;
  NAPI_CHECK(env, JS_IsBigInt(context, valueOf(value)), napi_bigint_expected);
  JS_ToBigInt64(context, result, valueOf(value));
  const JSValue back = JS_NewBigInt64(context, *result);
  *lossless = JS_StrictEq(context, valueOf(value), back) != 0;
  JS_FreeValue(context, back);
  return done(env, napi_ok);
}

napi_status napi_get_value_bigint_uint64(napi_env env, napi_value value, uint64_t* result,
                                         bool* lossless) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK_ARG(env, lossless);
  JSContext* context = env->context;
  NAPI_CHECK(env, JS_IsBigInt(context, valueOf(value)), napi_bigint_expected);
  int64_t bits = 0;
  JS_ToBigInt64(context, &bits, valueOf(value));
  *result = static_cast<uint64_t>(bits);
  const JSValue back = JS_NewBigUint64(context, *result);
  *lossless = JS_StrictEq(context, valueOf(value), back) != 0;
  JS_FreeValue(context, back);
  return done(env, napi_ok);
}
