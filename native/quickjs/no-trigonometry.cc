// Functions of the mathematical library that the engine's Math refers to, with
// their tables and a copy for each kind of processor 280 KB. The host takes them
// out of Math (host.cc), so that nothing comes here.

#include <cmath>

#define ABSENT(name) \
  double name(double /*x*/) noexcept { __builtin_trap(); }

extern "C" {

ABSENT(sin)
ABSENT(cos)
ABSENT(tan)
ABSENT(asin)
ABSENT(acos)
ABSENT(atan)
ABSENT(sinh)
ABSENT(cosh)
ABSENT(tanh)
ABSENT(asinh)
ABSENT(acosh)
ABSENT(atanh)
ABSENT(expm1)
ABSENT(log1p)
ABSENT(cbrt)
double atan2(double /*y*/, double /*x*/) noexcept { __builtin_trap(); }

}  // extern "C"
