// A tool of the build: compiles modules to bytecode and writes them into one
// file for embedding (chunks.h).
//
//   compile OUTPUT MODULE.js...
//
// A module is named by its file's name. What it imports must be among them.

#include <quickjs.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

[[noreturn]] void die(const std::string& message) {
  std::fprintf(stderr, "compile: %s\n", message.c_str());
  std::exit(1);
}

std::string fileName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) die("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

char* baseName(JSContext* context, const char* /*importer*/, const char* name, void* /*opaque*/) {
  return js_strdup(context, fileName(name).c_str());
}

int nothing(JSContext* /*context*/, JSModuleDef* /*module*/) { return 0; }

// Only names are wanted of what a module imports.
JSModuleDef* stub(JSContext* context, const char* name, void* /*opaque*/) {
  return JS_NewCModule(context, name, nothing);
}

std::string compile(const std::string& path) {
  JSRuntime* runtime = JS_NewRuntime();
  JSContext* context = JS_NewContext(runtime);
  // An import() is resolved by its module's name, which belongs to the debug information.
  const std::string source = readFile(path);
  const bool imports = source.find("import(") != std::string::npos;
  JS_SetStripInfo(runtime, imports ? JS_STRIP_SOURCE : JS_STRIP_DEBUG);
  JS_SetModuleLoaderFunc(runtime, baseName, stub, nullptr);
  const JSValue module = JS_Eval(context, source.c_str(), source.size(), fileName(path).c_str(),
                                 JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(module)) {
    const JSValue error = JS_GetException(context);
    die(path + ": " + JS_ToCString(context, error));
  }
  size_t size = 0;
  uint8_t* bytes = JS_WriteObject(context, &size, module, JS_WRITE_OBJ_BYTECODE);
  if (bytes == nullptr) die("cannot write the bytecode of " + path);
  std::string result(reinterpret_cast<const char*>(bytes), size);
  js_free(context, bytes);
  JS_FreeValue(context, module);
  JS_FreeContext(context);
  JS_FreeRuntime(runtime);
  return result;
}

void append(std::string& to, size_t number) {
  const auto value = static_cast<uint32_t>(number);
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) die("usage: compile OUTPUT MODULE.js...");
  const std::vector<std::string> paths(argv + 2, argv + argc);
  std::string directory;
  std::string contents;
  const size_t start = 4 + paths.size() * 16;
  append(directory, paths.size());
  for (const std::string& path : paths) {
    const std::string name = fileName(path);
    const std::string bytes = compile(path);
    append(directory, start + contents.size());
    append(directory, name.size());
    contents += name;
    append(directory, start + contents.size());
    append(directory, bytes.size());
    contents += bytes;
  }
  std::ofstream file(argv[1], std::ios::binary | std::ios::trunc);
  file << directory << contents;
  file.close();
  if (!file) die(std::string("cannot write ") + argv[1]);
  return 0;
}
