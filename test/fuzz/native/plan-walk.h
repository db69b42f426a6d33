// Reads every byte that the helper may read of a decoded plan.
#pragma once

#include <cstring>

#include "../../../native/wire/decode.h"
#include "fuzz.h"

namespace tsrun::fuzz {

// Calls back with each field of a step: its type and the index among its type.
template <typename Callback>
void eachField(wire::Op op, Callback callback) {
  int numbers = 0;
  int texts = 0;
  int lists = 0;
  for (const char* at = wire::fieldsOf(op); *at != 0;) {
    while (*at != ':') at++;
    const char type = at[1];
    callback(type, type == 'n' ? numbers++ : type == 's' ? texts++ : lists++);
    at += 2;
    while (*at == ' ') at++;
  }
  HOLDS(numbers <= wire::kMaxNumbers && texts <= wire::kMaxTexts && lists <= wire::kMaxLists);
}

inline void checkDecoded(const char* base, const wire::Header& header) {
  const auto* steps = reinterpret_cast<const wire::Step*>(base + sizeof(wire::Header));
  const char* end = base + header.size;
  HOLDS(header.inherited <= header.slots && header.slots <= wire::kMaxSlots);
  HOLDS(header.preserved <= wire::kMaxSlots);
  for (uint32_t i = 0; i < header.steps; i++) {
    const wire::Step& step = steps[i];
    eachField(step.op, [&](char type, int index) {
      if (type == 's') {
        const wire::Text text = step.text[index];
        HOLDS(strlen(base + text.offset) == text.length);
      } else if (type == 'u') {
        const wire::List list = step.list[index];
        uint64_t sum = 0;
        for (uint32_t k = 0; k < list.count; k++) {
          sum += reinterpret_cast<const uint64_t*>(base + list.offset)[k];
        }
        __asm__ volatile("" : : "r"(sum));
      } else if (type == 'l') {
        const wire::List list = step.list[index];
        auto* const* entries = reinterpret_cast<char* const*>(base + list.offset);
        for (uint32_t k = 0; k < list.count; k++) {
          HOLDS(entries[k] > base && entries[k] < end);
          HOLDS(entries[k] + strlen(entries[k]) < end);
        }
        HOLDS(entries[list.count] == nullptr);
      }
    });
  }
}

}  // namespace tsrun::fuzz
