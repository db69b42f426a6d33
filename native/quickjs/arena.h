// The memory of the engine and of C++ objects: one range of addresses that is
// the same in every process, so that what it holds after loading the program
// can be saved by the build and be there when the executable starts (image.h).
//
// Nothing is given back to the system: the process ends in milliseconds.
#pragma once

#include <quickjs.h>

#include <cstddef>

namespace tsrun::arena {

// Where a new block of this size goes, with its header in front: set by the build alone
// (training.h). nullptr: wherever it happens to.
extern char* (*place)(size_t size);
// Room at the end of what is used so far.
char* reserve(size_t size);

// Never nullptr: without memory the program ends with a message.
void* allocate(size_t size);
void* resize(void* block, size_t size);
void release(void* block);
// What fits into a block: at least what was asked for.
size_t usableSize(const void* block);

// The same for the engine.
extern const JSMallocFunctions engine;

// A place in the range for one pointer, which is saved with it; nullptr before it is set.
void*& root();
// What has to be saved: from here to there. Blocks that were released before are
// cleared and given up.
char* begin();
char* finish();

}  // namespace tsrun::arena
