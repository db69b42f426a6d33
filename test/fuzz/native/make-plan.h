// A plan out of the fuzzer's bytes, by the parent's own encoder.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "../../../native/system/encode.h"
#include "plan-walk.h"

namespace tsrun::fuzz {

struct PlanStep {
  wire::Op op = wire::Op::sync;
  std::vector<int64_t> numbers;
  std::vector<std::string> texts;
  // In wire order; the entries of the one that it is not stay empty.
  struct List {
    bool ofTexts = false;
    std::vector<std::string> texts;
    std::vector<int64_t> numbers;
  };
  std::vector<List> lists;
};

struct Plan {
  std::vector<PlanStep> steps;
  uint32_t slots = 0;
  uint32_t inherited = 0;
  uint32_t preserved = 0;
  bool trace = false;
};

inline int64_t makeNumber(FuzzedDataProvider& data) {
  // Most fields are flags, slots, ids: small. Some answers are on the edges.
  switch (data.ConsumeIntegralInRange<int>(0, 7)) {
    case 0:
      return data.ConsumeIntegral<int64_t>();
    case 1:
      return -1;
    case 2:
      return data.ConsumeIntegral<int32_t>();
    default:
      return data.ConsumeIntegralInRange<int64_t>(0, 9);
  }
}

inline std::string makeText(FuzzedDataProvider& data) {
  static const char* const known[] = {
      "",      "/",       "/proc",    "proc",  "/proc/a/b", "/sys",     "sysfs",        "tmpfs",
      "a/b/c", "/a/../b", "/dev/pts", "..",    "mode=755",  "key",      "/dev/console", "sh",
      "/bin",  "x/",      "//x//y",   "a=b=c", "label",     "/sys/a/b",
  };
  const int kind = data.ConsumeIntegralInRange<int>(0, static_cast<int>(std::size(known)) + 3);
  if (kind < static_cast<int>(std::size(known))) return known[kind];
  // Around the bounds of buffers, PATH_MAX above all.
  std::string text;
  if (kind == static_cast<int>(std::size(known))) {
    text.assign(data.ConsumeIntegralInRange<size_t>(4000, 4200), 'x');
  } else if (kind == static_cast<int>(std::size(known)) + 1) {
    text.assign(data.ConsumeIntegralInRange<size_t>(240, 270), 'y');
  } else {
    text = data.ConsumeRandomLengthString(64);
    std::replace(text.begin(), text.end(), '\0', '/');
  }
  return text;
}

consteval uint32_t pastLastNumber() {
  uint32_t past = 0;
  for (const auto& [op, name, fields] : wire::kOperations) {
    past = std::max(past, static_cast<uint32_t>(op) + 1);
  }
  return past;
}

// By its number. The inputs that are older than number 50 go on meaning what they did.
inline wire::Op makeOperation(FuzzedDataProvider& data, bool newer) {
  constexpr uint32_t kOlder = 50;
  const auto last = (newer ? pastLastNumber() : kOlder) - 1;
  const auto op = static_cast<wire::Op>(data.ConsumeIntegralInRange<uint32_t>(0, last));
  return wire::fieldsOf(op) != nullptr ? op : wire::Op::sync;
}

inline PlanStep makeStep(FuzzedDataProvider& data, bool newer) {
  PlanStep step;
  step.op = makeOperation(data, newer);
  eachField(step.op, [&](char type, int) {
    if (type == 'n') {
      step.numbers.push_back(makeNumber(data));
    } else if (type == 's') {
      step.texts.push_back(makeText(data));
    } else {
      PlanStep::List list;
      list.ofTexts = type == 'l';
      const int count = data.ConsumeIntegralInRange<int>(0, 5);
      for (int i = 0; i < count; i++) {
        if (list.ofTexts) {
          list.texts.push_back(makeText(data));
        } else {
          list.numbers.push_back(makeNumber(data));
        }
      }
      step.lists.push_back(list);
    }
  });
  // What the kernel of the tests answers (kernel.cc), half of the time.
  if (step.op == wire::Op::label) step.texts[2] = data.ConsumeBool() ? "label" : "";
  return step;
}

inline Plan makePlan(FuzzedDataProvider& data, bool newer = false) {
  Plan plan;
  plan.slots = data.ConsumeIntegralInRange<uint32_t>(0, 80);
  plan.inherited = data.ConsumeIntegralInRange<uint32_t>(0, plan.slots);
  plan.preserved = data.ConsumeIntegralInRange<uint32_t>(0, 4);
  plan.trace = data.ConsumeBool();
  const int count = data.ConsumeIntegralInRange<int>(1, 12);
  for (int i = 0; i < count; i++) plan.steps.push_back(makeStep(data, newer));
  return plan;
}

inline void encodeSteps(PlanEncoder& encoder, const Plan& plan) {
  for (const PlanStep& step : plan.steps) {
    encoder.begin(step.op);
    eachField(step.op, [&](char type, int index) {
      const auto at = static_cast<size_t>(index);
      if (type == 'n') encoder.number(step.numbers[at]);
      if (type == 's') encoder.text(step.texts[at]);
      if (type == 'l') encoder.texts(step.lists[at].texts);
      if (type == 'u') encoder.numbers(step.lists[at].numbers);
    });
  }
}

inline std::string encode(const Plan& plan) {
  PlanEncoder encoder;
  encodeSteps(encoder, plan);
  return encoder.finish(plan.slots, plan.inherited, plan.preserved, plan.trace);
}

}  // namespace tsrun::fuzz
