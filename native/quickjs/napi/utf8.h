// UTF-8 as Node reads and writes it, where QuickJS differs.
#pragma once

#include <cstddef>
#include <string>

namespace tsrun::napi {

// Where the first byte is that is not part of well-formed UTF-8 (RFC 3629); size when there is
// none.
size_t firstIllFormed(const char* text, size_t size);

// Each ill-formed sequence replaced by U+FFFD, a maximal subpart at a time (Unicode 3.9, U+FFFD
// Substitution of Maximal Subparts; the WHATWG decoder), as V8 does.
std::string wellFormed(const char* text, size_t size);

// Replaces surrogates that QuickJS writes for the halves of a pair that stand alone, in place:
// both are three bytes.
void replaceSurrogates(char* text, size_t size);

}  // namespace tsrun::napi
