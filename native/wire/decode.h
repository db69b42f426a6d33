// Checks a plan that came as bytes and turns its offsets into pointers, in place.
// Allocation-free and without any call, so that the helper, the unit tests and
// the fuzzer run the same code.
#pragma once

#include "wire.h"

namespace tsrun::wire {

inline bool inside(uint64_t offset, uint64_t length, uint64_t size) {
  return offset <= size && length <= size - offset;
}

inline bool validText(const char* base, const Header& header, Text text) {
  const uint32_t size = header.size;
  if (text.offset < header.texts) return false;
  if (!inside(text.offset, uint64_t{text.length} + 1, size)) return false;
  for (uint32_t i = 0; i < text.length; i++) {
    if (base[text.offset + i] == 0) return false;
  }
  return base[text.offset + text.length] == 0;
}

// Tables lie between the steps and the texts, so that writing pointers into
// them cannot change a text that was found good.
inline bool validTable(const Header& header, List list, uint32_t extra) {
  const uint64_t start = sizeof(Header) + uint64_t{header.steps} * sizeof(Step);
  if (list.offset % 8 != 0 || list.offset < start) return false;
  return inside(list.offset, (uint64_t{list.count} + extra) * 8, header.texts);
}

// The texts of a list end with the plan at the latest.
inline bool relocateTexts(char* base, const Header& header, List list) {
  const uint32_t size = header.size;
  if (!validTable(header, list, 1)) return false;
  auto* entries = reinterpret_cast<uint64_t*>(base + list.offset);
  for (uint32_t i = 0; i < list.count; i++) {
    const uint64_t offset = entries[i];
    if (offset < header.texts || offset >= size) return false;
    uint64_t end = offset;
    while (end < size && base[end] != 0) end++;
    if (end == size) return false;
    entries[i] = reinterpret_cast<uint64_t>(base + offset);
  }
  return entries[list.count] == 0;
}

inline const char* fieldsOf(Op op) {
  switch (op) {
#define OPERATION(number, name, text, fields) \
  case Op::name:                              \
    return fields;
#include "operations.def"
#undef OPERATION
    default:
      return nullptr;
  }
}

// `base` is writable and aligned to 8; `size` is the number of bytes there.
inline const Header* decodePlan(char* base, uint64_t size) {
  if (size < sizeof(Header) || size > kMaxPlan) return nullptr;
  auto* header = reinterpret_cast<Header*>(base);
  if (header->magic != kMagic || header->size != size) return nullptr;
  if (header->steps == 0 || header->steps > kMaxSteps) return nullptr;
  if (header->slots > kMaxSlots || header->inherited > header->slots) return nullptr;
  if (header->preserved > kMaxSlots) return nullptr;
  if (!inside(sizeof(Header), uint64_t{header->steps} * sizeof(Step), size)) return nullptr;
  auto* steps = reinterpret_cast<Step*>(base + sizeof(Header));
  if (header->texts > size) return nullptr;
  for (uint32_t i = 0; i < header->steps; i++) {
    Step& step = steps[i];
    const char* fields = fieldsOf(step.op);
    if (fields == nullptr) return nullptr;
    int texts = 0;
    int lists = 0;
    for (const char* at = fields; *at != 0;) {
      while (*at != ':') at++;
      const char type = at[1];
      if (type == 's') {
        if (!validText(base, *header, step.text[texts++])) return nullptr;
      } else if (type == 'l') {
        if (!relocateTexts(base, *header, step.list[lists++])) return nullptr;
      } else if (type == 'u') {
        if (!validTable(*header, step.list[lists++], 0)) return nullptr;
      }
      at += 2;
      while (*at == ' ') at++;
    }
  }
  return header;
}

}  // namespace tsrun::wire
