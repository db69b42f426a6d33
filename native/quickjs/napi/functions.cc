// Functions in both directions, and references.

#include "env.h"

#include <cstring>

using tsrun::napi::done;
using tsrun::napi::give;
using tsrun::napi::valueOf;

namespace {

// Every function of the addon's: `magic` says which.
JSValue callMethod(JSContext* context, JSValueConst self, int count, JSValueConst* values,
                   int magic) {
  auto* env = static_cast<napi_env>(JS_GetContextOpaque(context));
  const napi_env__::Method& method = env->methods[static_cast<size_t>(magic)];
  const size_t before = env->handles.count();
  napi_callback_info__ info = {self, count, values, method.data};
  const napi_value answer = method.callback(env, &info);
  JSValue result = JS_UNDEFINED;
  if (JS_HasException(context)) {
    result = JS_EXCEPTION;
  } else if (answer != nullptr) {
    result = JS_DupValue(context, valueOf(answer));
  }
  env->handles.popTo(before);
  return result;
}

}  // namespace

// Methods with a name in UTF-8, and nothing else. The names are kept as they
// are given: they must live as long as the environment. A function is made
// when its property is first read. At most 32,767 of them in all.
napi_status napi_define_properties(napi_env env, napi_value object, size_t count,
                                   const napi_property_descriptor* properties) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, object);
  NAPI_CHECK(env, count == 0 || properties != nullptr, napi_invalid_arg);
  NAPI_CHECK(env, JS_IsObject(valueOf(object)), napi_object_expected);
  NAPI_CHECK(env, env->methods.size() + count <= INT16_MAX, napi_invalid_arg);
  for (size_t i = 0; i < count; i++) {
    NAPI_CHECK(env, properties[i].utf8name != nullptr && properties[i].method != nullptr,
               napi_invalid_arg);
  }
  // The engine keeps the address of the list.
  auto list = std::make_unique<JSCFunctionListEntry[]>(count);
  env->methods.reserve(env->methods.size() + count);
  for (size_t i = 0; i < count; i++) {
    JSCFunctionListEntry& entry = list[i];
    entry.name = properties[i].utf8name;
    if ((properties[i].attributes & napi_writable) != 0) entry.prop_flags |= JS_PROP_WRITABLE;
    if ((properties[i].attributes & napi_enumerable) != 0) entry.prop_flags |= JS_PROP_ENUMERABLE;
    if ((properties[i].attributes & napi_configurable) != 0) {
      entry.prop_flags |= JS_PROP_CONFIGURABLE;
    }
    entry.def_type = JS_DEF_CFUNC;
    entry.magic = static_cast<int16_t>(env->methods.size());
    entry.u.func.length = 0;
    entry.u.func.cproto = JS_CFUNC_generic_magic;
    entry.u.func.cfunc.generic_magic = callMethod;
    env->methods.push_back({properties[i].method, properties[i].data});
  }
  JS_SetPropertyFunctionList(env->context, valueOf(object), list.get(), static_cast<int>(count));
  env->methodLists.push_back(std::move(list));
  return done(env, napi_ok);
}

// `count` goes in as the room in `values` and comes out as the number of
// arguments that were given; what was not given is undefined.
napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count,
                             napi_value* values, napi_value* self, void** data) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, info);
  if (values != nullptr) {
    NAPI_CHECK_ARG(env, count);
    for (size_t i = 0; i < *count; i++) {
      const bool given = i < static_cast<size_t>(info->count);
      values[i] =
          env->handles.push(given ? JS_DupValue(env->context, info->values[i]) : JS_UNDEFINED);
    }
  }
  if (count != nullptr) *count = static_cast<size_t>(info->count);
  if (self != nullptr) *self = env->handles.push(JS_DupValue(env->context, info->self));
  if (data != nullptr) *data = info->data;
  return done(env, napi_ok);
}

napi_status napi_call_function(napi_env env, napi_value self, napi_value function, size_t count,
                               const napi_value* values, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_PENDING(env);
  NAPI_CHECK_ARG(env, function);
  NAPI_CHECK(env, count == 0 || values != nullptr, napi_invalid_arg);
  NAPI_CHECK(env, JS_IsFunction(env->context, valueOf(function)), napi_function_expected);
  std::vector<JSValueConst> arguments(count);
  for (size_t i = 0; i < count; i++) arguments[i] = valueOf(values[i]);
  const JSValue answer =
      JS_Call(env->context, valueOf(function), self == nullptr ? JS_UNDEFINED : valueOf(self),
              static_cast<int>(count), arguments.data());
  if (JS_IsException(answer)) return done(env, napi_pending_exception);
  if (result != nullptr) return give(env, answer, result);
  JS_FreeValue(env->context, answer);
  return done(env, napi_ok);
}

// The same as a call: the host runs the jobs that it leaves when the loop is back.
napi_status napi_make_callback(napi_env env, napi_async_context /*context*/, napi_value self,
                               napi_value function, size_t count, const napi_value* values,
                               napi_value* result) {
  return napi_call_function(env, self, function, count, values, result);
}

// Strong references only, which an initial count above zero asks for.
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t initialCount,
                                  napi_ref* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, value);
  NAPI_CHECK_ARG(env, result);
  NAPI_CHECK(env, initialCount > 0, napi_invalid_arg);
  *result = new napi_ref__{JS_DupValue(env->context, valueOf(value))};
  return done(env, napi_ok);
}

napi_status napi_delete_reference(node_api_basic_env env, napi_ref reference) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, reference);
  JS_FreeValue(env->context, reference->value);
  delete reference;
  return done(env, napi_ok);
}

napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  NAPI_CHECK_ENV(env);
  NAPI_CHECK_ARG(env, reference);
  NAPI_CHECK_ARG(env, result);
  return give(env, JS_DupValue(env->context, reference->value), result);
}
