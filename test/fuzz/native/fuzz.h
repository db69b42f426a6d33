// What the targets of libFuzzer share.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

// A property that does not hold is a finding like a wrong access.
#define HOLDS(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
