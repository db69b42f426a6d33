#include "chunks.h"

#include <cstring>

namespace tsrun {

namespace {

const uint8_t* chunks = nullptr;

uint32_t numberAt(size_t offset) {
  uint32_t number;
  memcpy(&number, chunks + offset, sizeof number);
  return number;
}

size_t entryOf(uint32_t index) { return 4 + size_t{index} * 16; }

// All modules are in one directory, so that the name behind the last slash says which.
char* baseName(JSContext* context, const char* /*importer*/, const char* name, void* /*opaque*/) {
  const char* slash = strrchr(name, '/');
  return js_strdup(context, slash == nullptr ? name : slash + 1);
}

JSModuleDef* load(JSContext* context, const char* name, void* /*opaque*/) {
  for (uint32_t i = 0; i < chunkCount(); i++) {
    if (chunkName(i) != name) continue;
    const JSValue module = JS_ReadObject(context, chunks + numberAt(entryOf(i) + 8),
                                         numberAt(entryOf(i) + 12), JS_READ_OBJ_BYTECODE);
    if (JS_IsException(module)) return nullptr;
    // The context keeps modules for as long as it lives.
    auto* definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module));
    JS_FreeValue(context, module);
    return definition;
  }
  JS_ThrowReferenceError(context, "there is no module %s", name);
  return nullptr;
}

}  // namespace

void useChunks(JSRuntime* runtime, const uint8_t* file) {
  chunks = file;
  JS_SetModuleLoaderFunc(runtime, baseName, load, nullptr);
}

uint32_t chunkCount() { return chunks == nullptr ? 0 : numberAt(0); }

std::string_view chunkName(uint32_t index) {
  return {reinterpret_cast<const char*>(chunks) + numberAt(entryOf(index)),
          numberAt(entryOf(index) + 4)};
}

}  // namespace tsrun
