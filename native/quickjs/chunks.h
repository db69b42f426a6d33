// The program's modules: bytecode that the build has embedded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <quickjs.h>

namespace tsrun {

// The embedded file, as compile.cc writes it. Numbers are 32 bits, little endian:
//
//   count
//   count times: offset of the name, its length, offset of the bytecode, its length
//   names and bytecode
//
// Offsets count from the beginning of the file.

struct Chunk {
  const uint8_t* bytes;  // nullptr when there is none of that name
  size_t size;
};

Chunk findChunk(std::string_view name);

// Makes import and import() of the context's modules read embedded ones, each
// when it is first asked for.
void useChunks(JSRuntime* runtime);

// Reads a module without running it; JS_EXCEPTION when there is no such chunk.
JSValue readChunk(JSContext* context, std::string_view name);

}  // namespace tsrun
