// The helper with a kernel that may answer anything: what it reads (programs,
// links, directories, labels, words of the kernel, output of hooks) is
// nobody's to trust, and no answer may lead it past a buffer, into a loop
// without an end or to a descriptor that it has given back.
#include <memory>

#include "../../../native/child/helper.h"
#include "kernel.h"
#include "make-plan.h"

namespace tsrun::child {
[[noreturn]] void start(long* stack);
}

using namespace tsrun;

static fuzz::Kernel* kernel = nullptr;

namespace tsrun::sys {
long call(long number, long a, long b, long c, long d, long e, long /*f*/) {
  return kernel == nullptr ? 0 : kernel->call(number, a, b, c, d, e);
}
}  // namespace tsrun::sys

extern "C" long tsrunStartThread(unsigned long /*flags*/, void* /*stack*/, void (*run)()) {
  return kernel->startThread(run);
}

// native/child/text.cc has them under other names here: the sanitizer has its own.
extern "C" {
void* helperMemcpy(void* to, const void* from, size_t size);
void* helperMemset(void* to, int value, size_t size);
void* helperMemmove(void* to, const void* from, size_t size);
int helperMemcmp(const void* a, const void* b, size_t size);
}

static void checkMemory(FuzzedDataProvider& data) {
  std::string text = data.ConsumeRandomLengthString(64);
  std::string other = data.ConsumeRandomLengthString(64);
  const size_t least = std::min(text.size(), other.size());
  const int order = memcmp(text.data(), other.data(), least);
  const int ours = helperMemcmp(text.data(), other.data(), least);
  HOLDS((order < 0) == (ours < 0) && (order > 0) == (ours > 0));
  const size_t from = data.ConsumeIntegralInRange<size_t>(0, text.size());
  const size_t to = data.ConsumeIntegralInRange<size_t>(0, text.size());
  const size_t size = text.size() - std::max(from, to);
  std::string moved = text;
  memmove(moved.data() + to, moved.data() + from, size);
  helperMemmove(text.data() + to, text.data() + from, size);
  HOLDS(text == moved);
  helperMemcpy(other.data(), text.data(), least);
  HOLDS(other.compare(0, least, text, 0, least) == 0);
  helperMemset(other.data(), 'x', other.size());
  HOLDS(other == std::string(other.size(), 'x'));
}

// A process of its own would start with these anew.
static void resetHelper() {
  kernel = nullptr;
  child::self = {};
  static char text[] = "x";
  child::planBase = text;
  wire::Step step = {};
  step.number[0] = 1;
  step.text[0] = {0, 1};
  child::operations::dumpable(step);
  child::operations::time(step);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const auto kind = data.ConsumeIntegral<uint8_t>();
  if (kind == 0) {
    checkMemory(data);
    return 0;
  }
  const fuzz::Plan plan = fuzz::makePlan(data, kind == 5);
  const int base = 3 + static_cast<int>(plan.preserved);
  std::string encoded = fuzz::encode(plan);
  if (kind == 1) encoded = data.ConsumeRandomLengthString(300);
  const std::string word = kind == 2 ? data.ConsumeRandomLengthString(9) : std::to_string(base);
  fuzz::Kernel answers(data, encoded, base, plan.inherited);
  kernel = &answers;
  const long words = kind == 3 ? 1 : (kind == 4 ? 3 : 2);
  const std::string early = kind == 4 && data.ConsumeBool() ? data.ConsumeRandomLengthString(9)
                                                            : std::string("1308753920");
  // As execve(2) leaves it: the number of words, and each.
  const char* stack[5] = {reinterpret_cast<const char*>(words), "tsrun", word.c_str(),
                          early.c_str(), nullptr};
  try {
    child::start(reinterpret_cast<long*>(stack));
  } catch (const fuzz::Ended&) {
  }
  resetHelper();
  return 0;
}
