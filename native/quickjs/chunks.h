// The program's modules as bytecode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <quickjs.h>

namespace tsrun {

// One file holds them, as compile.cc writes it. Numbers are 32 bits, little endian:
//
//   count
//   count times: offset of the name, its length, offset of the bytecode, its length
//   names and bytecode
//
// Offsets count from the beginning of the file.

// Makes import and import() of the runtime's modules read them from `file`, each
// when it is first asked for. The file must stay until all have been read.
void useChunks(JSRuntime* runtime, const uint8_t* file);

uint32_t chunkCount();
std::string_view chunkName(uint32_t index);

}  // namespace tsrun
