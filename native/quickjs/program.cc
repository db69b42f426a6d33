#include "program.h"

#include <unistd.h>

#include <string>

namespace tsrun {

namespace {

JSValue wordsOf(Host& host, int argc, char** argv) {
  const JSValue words = JS_NewArray(host.context());
  for (int i = 1; i < argc; i++) {
    JS_SetPropertyUint32(host.context(), words, static_cast<uint32_t>(i - 1), host.string(argv[i]));
  }
  return words;
}

// As Node's process.env: the first of two entries with one name counts.
JSValue environmentOf(JSContext* context, JSValueConst /*self*/, int /*count*/,
                      JSValueConst* /*values*/) {
  auto* host = static_cast<Host*>(JS_GetRuntimeOpaque(JS_GetRuntime(context)));
  const JSValue result = JS_NewObjectProto(context, JS_NULL);
  for (char** entry = environ; *entry != nullptr; entry++) {
    const std::string text = *entry;
    const size_t equals = text.find('=', 1);
    if (equals == std::string::npos) continue;
    const JSValue key = host->string(text.substr(0, equals).c_str());
    const JSAtom name = JS_ValueToAtom(context, key);
    JS_FreeValue(context, key);
    if (JS_HasProperty(context, result, name) == 0) {
      JS_SetProperty(context, result, name, host->string(text.c_str() + equals + 1));
    }
    JS_FreeAtom(context, name);
  }
  return result;
}

}  // namespace

Program::~Program() {
  for (const JSValue value : {promise_, environment_, words_, native_, start_}) {
    JS_FreeValue(host.context(), value);
  }
}

bool Program::load() {
  JSContext* context = host.context();
  const JSValue module = host.import("main.js");
  if (JS_IsException(module)) return false;
  start_ = JS_GetPropertyStr(context, module, "start");
  JS_FreeValue(context, module);
  native_ = host.native();
  return !JS_IsException(start_) && !JS_IsException(native_);
}

int Program::run(int argc, char** argv) {
  JSContext* context = host.context();
  JS_SetRuntimeOpaque(JS_GetRuntime(context), &host);
  words_ = wordsOf(host, argc, argv);
  environment_ = JS_NewCFunction(context, environmentOf, "environment", 0);
  JSValueConst arguments[] = {native_, words_, environment_};
  promise_ = JS_Call(context, start_, JS_UNDEFINED, 3, arguments);

  JSValue outcome;
  bool good = false;
  if (JS_IsException(promise_)) {
    outcome = JS_GetException(context);
  } else {
    good = host.settle(promise_, outcome);
  }
  int status = 1;
  if (good) {
    JS_ToInt32(context, &status, outcome);
  } else {
    const std::string text =
        "tsrun: internal error, please report it: " + host.describe(outcome) + "\n";
    [[maybe_unused]] const ssize_t written = write(2, text.data(), text.size());
  }
  JS_FreeValue(context, outcome);
  return status;
}

}  // namespace tsrun
