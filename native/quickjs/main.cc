// The `tsrun` executable.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "image.h"
#include "prepare-process.h"

// The library's own prints the name of an exception, and brings a reader of C++
// names along for that. Nothing here is compiled to throw any.
namespace __gnu_cxx {
void __verbose_terminate_handler() { abort(); }
}  // namespace __gnu_cxx

int main(int argc, char** argv) {
  tsrun::prepareProcess();
  tsrun::Program* program = tsrun::savedProgram();
  // Never taken down: the process ends.
  if (program != nullptr) _exit(program->run(argc, argv));
  // The build's first link of it, which makes the image for the second.
  if (argc == 3 || argc == 4) return tsrun::createImage(argv[1], argv[2], argv[3]);
  std::fprintf(stderr, "usage: %s CHUNKS IMAGE [COMMANDS]\n", argv[0]);
  return 1;
}
