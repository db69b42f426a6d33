// UTF-8 of file names, of what programs say, and of JavaScript's strings, on
// the second host: compared with a decoder that knows code points, no ranges of bytes.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include <fuzzer/FuzzedDataProvider.h>

#include "../../../native/quickjs/napi/utf8.h"
#include "fuzz.h"

using namespace tsrun;

namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";

std::string encode(uint32_t point) {
  const auto more = [point](int shift) {
    return static_cast<char>(0x80 | ((point >> shift) & 0x3f));
  };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | (point >> 6)), more(0)};
  if (point < 0x10000) return {static_cast<char>(0xe0 | (point >> 12)), more(6), more(0)};
  return {static_cast<char>(0xf0 | (point >> 18)), more(12), more(6), more(0)};
}

bool isSurrogate(uint32_t point) { return point >= 0xd800 && point <= 0xdfff; }

// How many bytes a lead announces; 0 for one that is none.
size_t announced(uint8_t lead) {
  if (lead < 0x80) return 1;
  if ((lead & 0xe0) == 0xc0) return 2;
  if ((lead & 0xf0) == 0xe0) return 3;
  return (lead & 0xf8) == 0xf0 ? 4 : 0;
}

// Whether some character of that length begins with these bytes: with the least
// and the greatest bytes behind them they are code points around one.
bool beginsCharacter(const std::string& bytes, size_t length) {
  constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  uint32_t least = static_cast<uint8_t>(bytes[0]) & (length == 1 ? 0x7f : 0xff >> (length + 1));
  uint32_t most = least;
  for (size_t i = 1; i < length; i++) {
    const uint8_t byte = i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0x80;
    if ((byte & 0xc0) != 0x80) return false;
    least = least << 6 | (byte & 0x3f);
    most = most << 6 | (i < bytes.size() ? byte & 0x3f : 0x3f);
  }
  least = std::max(least, kLeast[length - 1]);
  if (isSurrogate(least)) least = 0xe000;
  return least <= std::min(most, uint32_t{0x10ffff});
}

struct Expected {
  std::string text;
  size_t firstBad;
};

Expected decode(const std::string& bytes) {
  Expected expected = {"", bytes.size()};
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = announced(static_cast<uint8_t>(bytes[at]));
    size_t taken = 0;
    while (taken < length && at + taken < bytes.size() &&
           beginsCharacter(bytes.substr(at, taken + 1), length)) {
      taken++;
    }
    if (length > 0 && taken == length) {
      expected.text += bytes.substr(at, length);
    } else {
      if (expected.firstBad == bytes.size()) expected.firstBad = at;
      expected.text += kReplacement;
    }
    at += taken == 0 ? 1 : taken;
  }
  return expected;
}

// A copy that ends where its memory ends, since a std::string has a byte more.
std::unique_ptr<char[]> exactly(const std::string& bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  memcpy(copy.get(), bytes.data(), bytes.size());
  return copy;
}

void checkBytes(const std::string& bytes) {
  const std::unique_ptr<char[]> copy = exactly(bytes);
  const Expected expected = decode(bytes);
  const std::string got = napi::wellFormed(copy.get(), bytes.size());
  HOLDS(got == expected.text);
  HOLDS(napi::firstIllFormed(copy.get(), bytes.size()) == expected.firstBad);
  HOLDS(napi::firstIllFormed(got.data(), got.size()) == got.size());
  // Whatever it is given, it stays within it.
  napi::replaceSurrogates(copy.get(), bytes.size());
}

// What QuickJS writes: characters, and surrogates that stand alone.
void checkSurrogates(FuzzedDataProvider& data) {
  std::string written;
  std::string expected;
  while (data.remaining_bytes() > 0) {
    uint32_t point = data.ConsumeIntegral<uint8_t>();
    switch (data.ConsumeIntegralInRange<int>(0, 4)) {
      case 0:
        break;
      case 1:
        point = 0xd800 + data.ConsumeIntegralInRange<uint32_t>(0, 0x7ff);
        break;
      case 2:
        point = 0xd000 + data.ConsumeIntegralInRange<uint32_t>(0, 0xfff);
        break;
      case 3:
        point = data.ConsumeIntegralInRange<uint32_t>(0, 0xffff);
        break;
      default:
        point = data.ConsumeIntegralInRange<uint32_t>(0x10000, 0x10ffff);
    }
    written += encode(point);
    expected += isSurrogate(point) ? kReplacement : encode(point);
  }
  const std::unique_ptr<char[]> copy = exactly(written);
  napi::replaceSurrogates(copy.get(), written.size());
  HOLDS(std::string(copy.get(), written.size()) == expected);
  HOLDS(napi::firstIllFormed(copy.get(), written.size()) == written.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  if (bytes[0] % 2 == 0) {
    checkBytes(std::string(reinterpret_cast<const char*>(bytes) + 1, size - 1));
  } else {
    FuzzedDataProvider data(bytes + 1, size - 1);
    checkSurrogates(data);
  }
  return 0;
}
