// BLAKE2b (RFC 7693): names the entries of the cache of filters, where two
// profiles must never get the same name.
#pragma once

#include <cstddef>
#include <string>

namespace tsrun {

// 256 bits in lower-case hexadecimal.
std::string blake2b(const void* data, size_t size);

}  // namespace tsrun
