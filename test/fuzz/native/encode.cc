// A plan that the parent has encoded says the same to the helper.
#include <memory>

#include "make-plan.h"

using namespace tsrun;

static void same(const char* base, const wire::Step& got, const fuzz::PlanStep& meant) {
  HOLDS(got.op == meant.op);
  fuzz::eachField(meant.op, [&](char type, int index) {
    const auto at = static_cast<size_t>(index);
    if (type == 'n') {
      HOLDS(got.number[index] == meant.numbers[at]);
    } else if (type == 's') {
      HOLDS(base + got.text[index].offset == meant.texts[at]);
    } else {
      const fuzz::PlanStep::List& list = meant.lists[at];
      HOLDS(got.list[index].count == (type == 'l' ? list.texts.size() : list.numbers.size()));
      const char* entries = base + got.list[index].offset;
      for (size_t i = 0; i < got.list[index].count; i++) {
        if (type == 'l') {
          HOLDS(reinterpret_cast<const char* const*>(entries)[i] == list.texts[i]);
        } else {
          HOLDS(reinterpret_cast<const int64_t*>(entries)[i] == list.numbers[i]);
        }
      }
    }
  });
}

// Past the bounds of wire.h there is no plan, and before them there is one.
static void checkBounds(FuzzedDataProvider& data) {
  PlanEncoder encoder;
  const auto steps =
      data.ConsumeIntegralInRange<uint32_t>(wire::kMaxSteps - 1, wire::kMaxSteps + 1);
  for (uint32_t i = 0; i < steps; i++) encoder.begin(wire::Op::pivot);
  HOLDS(encoder.finish(0, 0, 0, false).empty() == (steps > wire::kMaxSteps));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  if (data.ConsumeIntegral<uint16_t>() == 0xb0b0) {
    checkBounds(data);
    return 0;
  }
  const fuzz::Plan plan = fuzz::makePlan(data);
  const std::string encoded = fuzz::encode(plan);
  const std::unique_ptr<char[]> copy(new char[encoded.size()]);
  memcpy(copy.get(), encoded.data(), encoded.size());
  const wire::Header* header = wire::decodePlan(copy.get(), encoded.size());
  HOLDS(header != nullptr);
  HOLDS(header->steps == plan.steps.size() && header->slots == plan.slots);
  HOLDS(header->inherited == plan.inherited && header->preserved == plan.preserved);
  HOLDS(header->trace == (plan.trace ? 1U : 0U));
  fuzz::checkDecoded(copy.get(), *header);
  const auto* steps = reinterpret_cast<const wire::Step*>(copy.get() + sizeof(wire::Header));
  for (size_t i = 0; i < plan.steps.size(); i++) same(copy.get(), steps[i], plan.steps[i]);
  return 0;
}
