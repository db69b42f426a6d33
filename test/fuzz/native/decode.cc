// The plan as bytes that nobody has encoded: refused, or safe to walk.
#include <cstddef>
#include <memory>

#include "plan-walk.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

// The magic number and the size are not what is looked for: mostly right.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  const size_t made = LLVMFuzzerMutate(data, size, most);
  if (made >= sizeof(tsrun::wire::Header) && seed % 8 != 0) {
    const uint32_t start[2] = {tsrun::wire::kMagic, static_cast<uint32_t>(made)};
    memcpy(data, start, sizeof start);
  }
  return made;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // To the byte, so that the first one behind it is a wrong access.
  const std::unique_ptr<char[]> plan(new char[size]);
  if (size > 0) memcpy(plan.get(), data, size);
  const auto* header = tsrun::wire::decodePlan(plan.get(), size);
  if (header != nullptr) tsrun::fuzz::checkDecoded(plan.get(), *header);
  return 0;
}
