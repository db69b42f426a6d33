#include "helper.h"

// Or GCC would see memset in the loop of memset, and call it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

// The compiler calls these for copies and clears of its own making.
extern "C" {
void* memcpy(void* to, const void* from, size_t size) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  while (size-- > 0) *target++ = *source++;
  return to;
}
void* memset(void* to, int value, size_t size) {
  auto* target = static_cast<char*>(to);
  while (size-- > 0) *target++ = static_cast<char>(value);
  return to;
}
void* memmove(void* to, const void* from, size_t size) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  if (target < source) return memcpy(to, from, size);
  while (size-- > 0) target[size] = source[size];
  return to;
}
int memcmp(const void* a, const void* b, size_t size) {
  const auto* left = static_cast<const unsigned char*>(a);
  const auto* right = static_cast<const unsigned char*>(b);
  for (; size > 0; size--, left++, right++) {
    if (*left != *right) return *left - *right;
  }
  return 0;
}
size_t strlen(const char* text) {
  size_t count = 0;
  while (text[count] != 0) count++;
  return count;
}
}

namespace tsrun::child {

size_t length(const char* text) { return strlen(text); }

bool equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) {
    a++;
    b++;
  }
  return *a == *b;
}

bool startsWith(const char* text, const char* prefix) {
  while (*prefix != 0) {
    if (*text++ != *prefix++) return false;
  }
  return true;
}

bool append(char* buffer, size_t size, const char* text) {
  size_t at = length(buffer);
  while (*text != 0) {
    if (at + 1 >= size) return false;
    buffer[at++] = *text++;
    buffer[at] = 0;
  }
  return true;
}

bool appendNumber(char* buffer, size_t size, int64_t value) {
  char digits[24];
  size_t at = sizeof digits;
  digits[--at] = 0;
  const bool negative = value < 0;
  uint64_t rest = negative ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (negative) digits[--at] = '-';
  return append(buffer, size, digits + at);
}

}  // namespace tsrun::child
