#include "utf8.h"

#include <cstdint>
#include <cstring>

namespace tsrun::napi {

namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";

struct Sequence {
  size_t length;  // of the sequence, or of the maximal subpart that is to be replaced
  bool good;
};

// The table 3-7 of the Unicode standard: only the second byte has ranges of its own.
Sequence sequenceAt(const uint8_t* at, size_t left) {
  const uint8_t lead = at[0];
  if (lead < 0x80) return {1, true};
  size_t length;
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return {1, false};
  }
  for (size_t i = 1; i < length; i++) {
    if (i >= left || at[i] < low || at[i] > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {length, true};
}

const uint8_t* bytesOf(const char* text) { return reinterpret_cast<const uint8_t*>(text); }

}  // namespace

size_t firstIllFormed(const char* text, size_t size) {
  const uint8_t* bytes = bytesOf(text);
  size_t at = 0;
  while (at < size) {
    uint64_t word;
    while (at + sizeof word <= size) {
      memcpy(&word, bytes + at, sizeof word);
      if ((word & 0x8080808080808080U) != 0) break;
      at += sizeof word;
    }
    if (at >= size) break;
    const Sequence sequence = sequenceAt(bytes + at, size - at);
    if (!sequence.good) return at;
    at += sequence.length;
  }
  return size;
}

std::string wellFormed(const char* text, size_t size) {
  std::string result;
  result.reserve(size + 8);
  size_t at = 0;
  while (at < size) {
    const Sequence sequence = sequenceAt(bytesOf(text) + at, size - at);
    if (sequence.good) {
      result.append(text + at, sequence.length);
    } else {
      result.append(kReplacement, 3);
    }
    at += sequence.length;
  }
  return result;
}

void replaceSurrogates(char* text, size_t size) {
  for (char* at = text; size - static_cast<size_t>(at - text) >= 3; at++) {
    at = static_cast<char*>(memchr(at, 0xed, size - static_cast<size_t>(at - text) - 2));
    if (at == nullptr) return;
    // Three bytes inside of a longer text.
    // NOLINTNEXTLINE(bugprone-not-null-terminated-result)
    if (static_cast<uint8_t>(at[1]) >= 0xa0) memcpy(at, kReplacement, 3);
  }
}

}  // namespace tsrun::napi
