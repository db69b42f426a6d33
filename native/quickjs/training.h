// Which blocks of the image processes use, and a place for these together.
//
// The engine counts references in its objects, so that a process writes to
// little of the image, but everywhere: `run` to 36 KB on 190 pages, each of which
// the kernel copies at 1.8 µs; and what it reads is everywhere else, so that all of
// the image was resident. So the build loads the program twice. The first
// time every block gets pages of its own, and commands run on a system in memory
// (test/fakes/training.ts) to see which blocks are written to and which are read. (What had to
// run before them has written to blocks that they only read then: these count as written to.) The
// second time these come first, in the order of the commands that need them. Blocks
// are known by the order in which they are made, which is the same both times; if it
// were not, the image would be a slower one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "program.h"

namespace tsrun::training {

struct Block {
  uint32_t size;
  // The first command that writes to it, and the first one that reads it, from 1; 0 if none does.
  uint8_t writer;
  uint8_t reader;
};

constexpr size_t kMostBlocks = 1 << 16;
constexpr size_t kMostCommands = 16;

struct Record {
  size_t count;
  Block blocks[kMostBlocks];
};

// Runs the commands of the file, which is as compile.cc makes it, on the program that `load` gives.
// Leaves this process as it was. Ends it with a message when one fails.
const Record& train(Program* (*load)(), const uint8_t* commands);

// From here on new blocks of the arena are placed as the record says.
void arrange(const Record& record);

}  // namespace tsrun::training
