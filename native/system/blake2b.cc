#include "blake2b.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace tsrun {

namespace {

constexpr size_t kBlock = 128;
constexpr size_t kDigest = 32;

// Section 2.6.
constexpr uint64_t kStart[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

// Section 2.7; rounds 10 and 11 are 0 and 1 again.
constexpr uint8_t kSchedule[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                       {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                       {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                       {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                       {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                       {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                       {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                       {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                       {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                       {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

// Section 3.1.
inline void mix(uint64_t& a, uint64_t& b, uint64_t& c, uint64_t& d, uint64_t x, uint64_t y) {
  a += b + x;
  d = std::rotr(d ^ a, 32);
  c += d;
  b = std::rotr(b ^ c, 24);
  a += b + y;
  d = std::rotr(d ^ a, 16);
  c += d;
  b = std::rotr(b ^ c, 63);
}

// Section 3.2. Both architectures are little-endian.
void compress(uint64_t* state, const uint8_t* block, uint64_t count, bool last) {
  uint64_t message[16];
  memcpy(message, block, sizeof message);
  uint64_t v[16];
  memcpy(v, state, 8 * sizeof v[0]);
  memcpy(v + 8, kStart, sizeof kStart);
  v[12] ^= count;
  if (last) v[14] = ~v[14];
  for (int round = 0; round < 12; round++) {
    const uint8_t* s = kSchedule[round % 10];
    for (int i = 0; i < 4; i++) {
      mix(v[i], v[4 + i], v[8 + i], v[12 + i], message[s[2 * i]], message[s[2 * i + 1]]);
    }
    for (int i = 0; i < 4; i++) {
      mix(v[i], v[4 + (i + 1) % 4], v[8 + (i + 2) % 4], v[12 + (i + 3) % 4], message[s[8 + 2 * i]],
          message[s[9 + 2 * i]]);
    }
  }
  for (int i = 0; i < 8; i++) state[i] ^= v[i] ^ v[i + 8];
}

}  // namespace

std::string blake2b(const void* data, size_t size) {
  uint64_t state[8];
  memcpy(state, kStart, sizeof state);
  state[0] ^= 0x01010000 ^ kDigest;
  const auto* at = static_cast<const uint8_t*>(data);
  uint64_t done = 0;
  for (; size - done > kBlock; done += kBlock) compress(state, at + done, done + kBlock, false);
  uint8_t rest[kBlock] = {};
  if (size > done) memcpy(rest, at + done, size - done);
  compress(state, rest, size, true);

  const auto* bytes = reinterpret_cast<const uint8_t*>(state);
  std::string text;
  text.reserve(2 * kDigest);
  for (size_t i = 0; i < kDigest; i++) {
    text.push_back("0123456789abcdef"[bytes[i] >> 4]);
    text.push_back("0123456789abcdef"[bytes[i] & 15]);
  }
  return text;
}

}  // namespace tsrun
