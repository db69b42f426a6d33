// The `tsrun` executable.

#include <unistd.h>

#include <cstdio>

#include "image.h"
#include "standard-streams.h"

int main(int argc, char** argv) {
  tsrun::openStandardStreams();
  tsrun::Program* program = tsrun::savedProgram();
  // Never taken down: the process ends.
  if (program != nullptr) _exit(program->run(argc, argv));
  // The build's first link of it, which makes the image for the second.
  if (argc == 3) return tsrun::createImage(argv[1], argv[2]);
  std::fprintf(stderr, "usage: %s CHUNKS IMAGE\n", argv[0]);
  return 1;
}
