// Strings.

#include "env.h"

#include <cstring>

#include "utf8.h"

using tsrun::napi::done;
using tsrun::napi::give;
using tsrun::napi::valueOf;

// Ill-formed UTF-8 becomes U+FFFD as on Node, not as QuickJS would have it.
napi_status napi_create_string_utf8(napi_env env, const char* text, size_t length,
                                    napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK(env, text != nullptr || length == 0, napi_invalid_arg);
  NAPI_CHECK_ARG(env, result);
  if (length == NAPI_AUTO_LENGTH) length = strlen(text);
  if (tsrun::napi::firstIllFormed(text, length) == length) {
    return give(env, JS_NewStringLen(env->context, text, length), result);
  }
  const std::string good = tsrun::napi::wellFormed(text, length);
  return give(env, JS_NewStringLen(env->context, good.data(), good.size()), result);
}

// Without a buffer the length alone. What does not fit is cut at a character.
// Half a surrogate pair becomes U+FFFD, as on Node.
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t size,
                                       size_t* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK(env, buffer != nullptr || result != nullptr, napi_invalid_arg);
  NAPI_CHECK(env, JS_IsString(valueOf(value)), napi_string_expected);
  size_t length = 0;
  const char* text = JS_ToCStringLen(env->context, &length, valueOf(value));
  if (text == nullptr) return done(env, napi_pending_exception);
  if (buffer != nullptr) {
    size_t kept = 0;
    if (size > 0) {
      kept = length < size ? length : size - 1;
      if (kept < length) {
        while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xc0) == 0x80) kept--;
      }
      memcpy(buffer, text, kept);
      buffer[kept] = '\0';
      tsrun::napi::replaceSurrogates(buffer, kept);
    }
    length = kept;
  }
  if (result != nullptr) *result = length;
  JS_FreeCString(env->context, text);
  return done(env, napi_ok);
}
