#include "chunks.h"

#include <cstring>
#include <string>

extern "C" const uint8_t tsrunChunks[];

namespace tsrun {

namespace {

uint32_t numberAt(size_t offset) {
  uint32_t number;
  memcpy(&number, tsrunChunks + offset, sizeof number);
  return number;
}

// All modules are in one directory, so that the name behind the last slash says which.
char* baseName(JSContext* context, const char* /*importer*/, const char* name, void* /*opaque*/) {
  const char* slash = strrchr(name, '/');
  return js_strdup(context, slash == nullptr ? name : slash + 1);
}

JSModuleDef* load(JSContext* context, const char* name, void* /*opaque*/) {
  const JSValue module = readChunk(context, name);
  if (JS_IsException(module)) return nullptr;
  // The context keeps modules for as long as it lives.
  auto* definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module));
  JS_FreeValue(context, module);
  return definition;
}

}  // namespace

Chunk findChunk(std::string_view name) {
  const uint32_t count = numberAt(0);
  for (uint32_t i = 0; i < count; i++) {
    const size_t entry = 4 + size_t{i} * 16;
    const std::string_view known(reinterpret_cast<const char*>(tsrunChunks) + numberAt(entry),
                                 numberAt(entry + 4));
    if (known == name) return {tsrunChunks + numberAt(entry + 8), numberAt(entry + 12)};
  }
  return {nullptr, 0};
}

void useChunks(JSRuntime* runtime) { JS_SetModuleLoaderFunc(runtime, baseName, load, nullptr); }

JSValue readChunk(JSContext* context, std::string_view name) {
  const Chunk chunk = findChunk(name);
  if (chunk.bytes == nullptr) {
    return JS_ThrowReferenceError(context, "there is no module %s", std::string(name).c_str());
  }
  return JS_ReadObject(context, chunk.bytes, chunk.size, JS_READ_OBJ_BYTECODE);
}

}  // namespace tsrun
