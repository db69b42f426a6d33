// The same program without an image, with the ordinary allocator, and taken
// down at its end: for sanitizers and valgrind, which want to see every
// allocation. The engine checks that nothing is left (an assertion in
// JS_FreeRuntime).

#include <cstdio>

#include "program.h"

extern "C" const uint8_t tsrunChunks[];

int main(int argc, char** argv) {
  tsrun::Program program(tsrunChunks, nullptr);
  if (program.load()) return program.run(argc, argv);
  JSContext* context = program.host.context();
  const JSValue error = JS_GetException(context);
  std::fprintf(stderr, "tsrun: %s\n", program.host.describe(error).c_str());
  JS_FreeValue(context, error);
  return 1;
}
