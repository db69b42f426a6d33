// The same host without an image, with the ordinary allocator, and taken down
// at its end: for sanitizers and valgrind, which want to see every allocation,
// and for tests of the host itself. The engine checks that nothing is left (an
// assertion in JS_FreeRuntime).
//
//   tsrun-plain CHUNKS ARGUMENT...
//
// CHUNKS is a file as compile.cc makes it: of tsrun, or of a test.

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "prepare-process.h"
#include "program.h"

int main(int argc, char** argv) {
  tsrun::prepareProcess();
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CHUNKS ARGUMENT...\n", argv[0]);
    return 1;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string chunks{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || chunks.empty()) {
    std::fprintf(stderr, "tsrun-plain: cannot read %s\n", argv[1]);
    return 1;
  }
  tsrun::Program program(reinterpret_cast<const uint8_t*>(chunks.data()), nullptr);
  if (program.load()) return program.run(argc - 1, argv + 1);
  JSContext* context = program.host.context();
  const JSValue error = JS_GetException(context);
  std::fprintf(stderr, "tsrun-plain: %s\n", program.host.describe(error).c_str());
  JS_FreeValue(context, error);
  return 1;
}
