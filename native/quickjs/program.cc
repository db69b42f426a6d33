#include "program.h"

#include <unistd.h>

#include <cstring>
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

// The value of a variable, of the first where two entries have one name; nullptr without it.
const char* variable(const char* name, size_t length) {
  if (length == 0 || memchr(name + 1, '=', length - 1) != nullptr) return nullptr;
  for (char** entry = environ; *entry != nullptr; entry++) {
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
  }
  return nullptr;
}

// The environment is an object like Node's process.env, whose properties are looked up when they
// are asked for: a command wants few of them.
int getVariable(JSContext* context, JSPropertyDescriptor* property, JSValueConst /*object*/,
                JSAtom atom) {
  const char* name = JS_AtomToCString(context, atom);
  if (name == nullptr) return -1;
  const char* value = variable(name, strlen(name));
  JS_FreeCString(context, name);
  if (value == nullptr) return 0;
  if (property != nullptr) {
    auto* host = static_cast<Host*>(JS_GetRuntimeOpaque(JS_GetRuntime(context)));
    *property = {JS_PROP_ENUMERABLE, host->string(value), JS_UNDEFINED, JS_UNDEFINED};
  }
  return 1;
}

int getVariableNames(JSContext* context, JSPropertyEnum** names, uint32_t* count,
                     JSValueConst /*object*/) {
  size_t most = 1;
  for (char** entry = environ; *entry != nullptr; entry++) most++;
  auto* result = static_cast<JSPropertyEnum*>(js_malloc(context, most * sizeof(JSPropertyEnum)));
  if (result == nullptr) return -1;
  auto* host = static_cast<Host*>(JS_GetRuntimeOpaque(JS_GetRuntime(context)));
  uint32_t found = 0;
  for (char** entry = environ; *entry != nullptr; entry++) {
    const std::string text = *entry;
    const size_t equals = text.find('=', 1);
    if (equals == std::string::npos) continue;
    if (variable(text.data(), equals) != *entry + equals + 1) continue;
    const JSValue name = host->string(text.substr(0, equals).c_str());
    result[found++] = {1, JS_ValueToAtom(context, name)};
    JS_FreeValue(context, name);
  }
  *names = result;
  *count = found;
  return 0;
}

// A saved program has its address: it is as it is from the start, and is not filled in by load().
constinit JSClassExoticMethods lookups = [] {
  JSClassExoticMethods methods = {};
  methods.get_own_property = getVariable;
  methods.get_own_property_names = getVariableNames;
  return methods;
}();

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
  JSClassDef definition = {};
  definition.class_name = "Environment";
  definition.exotic = &lookups;
  JS_NewClassID(&environmentClass_);
  if (JS_NewClass(JS_GetRuntime(context), environmentClass_, &definition) < 0) return false;
  return !JS_IsException(start_) && !JS_IsException(native_);
}

int Program::run(int argc, char** argv) {
  JSContext* context = host.context();
  JS_SetRuntimeOpaque(JS_GetRuntime(context), &host);
  words_ = wordsOf(host, argc, argv);
  environment_ = JS_NewObjectProtoClass(context, JS_NULL, environmentClass_);
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
