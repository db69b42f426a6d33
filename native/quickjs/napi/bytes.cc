// Array buffers and typed arrays.

#include "env.h"

using tsrun::napi::done;
using tsrun::napi::give;
using tsrun::napi::valueOf;

namespace {

// Both orders are fixed: the one by Node-API, the other by QuickJS.
constexpr JSTypedArrayEnum kTypes[] = {
    JS_TYPED_ARRAY_INT8,      JS_TYPED_ARRAY_UINT8,      JS_TYPED_ARRAY_UINT8C,
    JS_TYPED_ARRAY_INT16,     JS_TYPED_ARRAY_UINT16,     JS_TYPED_ARRAY_INT32,
    JS_TYPED_ARRAY_UINT32,    JS_TYPED_ARRAY_FLOAT32,    JS_TYPED_ARRAY_FLOAT64,
    JS_TYPED_ARRAY_BIG_INT64, JS_TYPED_ARRAY_BIG_UINT64,
};

void freeBytes(JSRuntime* runtime, void* /*opaque*/, void* bytes) { js_free_rt(runtime, bytes); }

void drop(JSContext* context, JSValue value) { JS_FreeValue(context, value); }

// The buffer behind a typed array, JS_EXCEPTION with none pending where it is none.
JSValue bufferOf(JSContext* context, JSValueConst value, size_t* offset, size_t* bytes,
                 size_t* element) {
  if (!JS_IsObject(value)) return JS_EXCEPTION;
  const JSValue buffer = JS_GetTypedArrayBuffer(context, value, offset, bytes, element);
  if (JS_IsException(buffer)) drop(context, JS_GetException(context));
  return buffer;
}

}  // namespace

// The bytes are zero, and where they are does not change.
napi_status napi_create_arraybuffer(napi_env env, size_t size, void** data, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, result);
  auto* bytes = static_cast<uint8_t*>(js_mallocz(env->context, size == 0 ? 1 : size));
  if (bytes == nullptr) return done(env, napi_pending_exception);
  if (data != nullptr) *data = bytes;
  return give(env, JS_NewArrayBuffer(env->context, bytes, size, freeBytes, nullptr, 0), result);
}

napi_status napi_get_arraybuffer_info(napi_env env, napi_value value, void** data, size_t* size) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, JS_IsObject(valueOf(value)), napi_invalid_arg);
  size_t length = 0;
  uint8_t* bytes = JS_GetArrayBuffer(env->context, &length, valueOf(value));
  if (bytes == nullptr && JS_HasException(env->context)) {
    drop(env->context, JS_GetException(env->context));
    return done(env, napi_invalid_arg);
  }
  if (data != nullptr) *data = bytes;
  if (size != nullptr) *size = length;
  return done(env, napi_ok);
}

// A range that the buffer does not have is the engine's RangeError.
napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length,
                                   napi_value buffer, size_t offset, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, buffer);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, type >= 0 && static_cast<size_t>(type) < std::size(kTypes), napi_invalid_arg);
  // It reads three of them, whatever their count is said to be.
  JSValueConst arguments[] = {
      valueOf(buffer),
      JS_NewInt64(env->context, static_cast<int64_t>(offset)),
      JS_NewInt64(env->context, static_cast<int64_t>(length)),
  };
  return give(env, JS_NewTypedArray(env->context, 3, arguments, kTypes[type]), result);
}

napi_status napi_is_typedarray(napi_env env, napi_value value, bool* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  size_t offset = 0;
  size_t bytes = 0;
  size_t element = 0;
  const JSValue buffer = bufferOf(env->context, valueOf(value), &offset, &bytes, &element);
  *result = !JS_IsException(buffer);
  drop(env->context, buffer);
  return done(env, napi_ok);
}

// Types of equal size are not told apart: 1 byte is uint8, 2 uint16, 4 uint32, 8 biguint64. The
// addon takes bytes only.
napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type,
                                     size_t* length, void** data, napi_value* arrayBuffer,
                                     size_t* offset) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  size_t start = 0;
  size_t bytes = 0;
  size_t element = 0;
  const JSValue buffer = bufferOf(env->context, valueOf(value), &start, &bytes, &element);
  NAPI_CHECK(env, !JS_IsException(buffer), napi_invalid_arg);
  if (type != nullptr) {
    *type = element == 1   ? napi_uint8_array
            : element == 2 ? napi_uint16_array
            : element == 4 ? napi_uint32_array
                           : napi_biguint64_array;
  }
  if (length != nullptr) *length = bytes / element;
  if (data != nullptr) {
    size_t size = 0;
    uint8_t* at = JS_GetArrayBuffer(env->context, &size, buffer);
    *data = at == nullptr ? nullptr : at + start;
  }
  if (offset != nullptr) *offset = start;
  if (arrayBuffer != nullptr) return give(env, buffer, arrayBuffer);
  drop(env->context, buffer);
  return done(env, napi_ok);
}
