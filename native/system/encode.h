// Builds the bytes of a plan, see wire/wire.h. Knows nothing of Node-API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "../wire/wire.h"

namespace tsrun {

class PlanEncoder {
 public:
  // Fields of the step are added in the order of wire/operations.def.
  void begin(wire::Op op);
  void number(int64_t value);
  void text(std::string_view value);
  void texts(const std::vector<std::string>& values);
  void numbers(const std::vector<int64_t>& values);

  // The finished plan; empty when it exceeds the bounds of wire.h.
  std::string finish(uint32_t slots, uint32_t inherited, uint32_t preserved, bool trace);

 private:
  // Offsets are relative to their part until finish() knows where the parts start.
  std::vector<wire::Step> steps_;
  std::vector<uint64_t> tables_;
  std::vector<bool> tableIsOffset_;
  std::string texts_;
  int numbers_ = 0;
  int textCount_ = 0;
  int lists_ = 0;

  uint32_t addText(std::string_view value);
};

}  // namespace tsrun
