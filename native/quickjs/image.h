// The engine with the whole program loaded, saved when tsrun is built.
//
// Starting an engine and reading the bytecode of one command takes about as
// long as all the system calls of `state`. So the build does it once, for all
// commands: the executable is linked with an empty image and run, loads every
// module into the arena, and writes the arena to a file; then it is linked
// again, the same but for that file, at the same addresses. What a process
// reads and writes of it is paged in and copied by the kernel.
//
// What may be in the arena: pointers into the arena, and into the executable's
// code and data. Nothing of the stack, the C library's heap and the
// environment: createImage() looks for such pointers.
#pragma once

#include "program.h"

namespace tsrun {

// The saved program, or nullptr in the executable that makes the image. Ends
// the process when the image belongs to another executable.
Program* savedProgram();

// Loads the program and writes the image: what the build runs. `chunks` is a
// file as compile.cc makes it, and so is `commands`, if not nullptr (training.h). 0, or 1 after a
// message.
int createImage(const char* chunks, const char* output, const char* commands);

}  // namespace tsrun
