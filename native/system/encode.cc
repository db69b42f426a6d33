#include "encode.h"

#include <cstring>

namespace tsrun {

void PlanEncoder::begin(wire::Op op) {
  wire::Step step = {};
  step.op = op;
  steps_.push_back(step);
  numbers_ = textCount_ = lists_ = 0;
}

void PlanEncoder::number(int64_t value) { steps_.back().number[numbers_++] = value; }

uint32_t PlanEncoder::addText(std::string_view value) {
  const auto offset = static_cast<uint32_t>(texts_.size());
  texts_.append(value);
  texts_.push_back('\0');
  return offset;
}

void PlanEncoder::text(std::string_view value) {
  steps_.back().text[textCount_++] = {addText(value), static_cast<uint32_t>(value.size())};
}

void PlanEncoder::texts(const std::vector<std::string>& values) {
  steps_.back().list[lists_++] = {static_cast<uint32_t>(tables_.size() * 8),
                                  static_cast<uint32_t>(values.size())};
  for (const auto& value : values) {
    tables_.push_back(addText(value));
    tableIsOffset_.push_back(true);
  }
  tables_.push_back(0);
  tableIsOffset_.push_back(false);
}

void PlanEncoder::numbers(const std::vector<int64_t>& values) {
  steps_.back().list[lists_++] = {static_cast<uint32_t>(tables_.size() * 8),
                                  static_cast<uint32_t>(values.size())};
  for (const int64_t value : values) {
    tables_.push_back(static_cast<uint64_t>(value));
    tableIsOffset_.push_back(false);
  }
}

std::string PlanEncoder::finish(uint32_t slots, uint32_t inherited, uint32_t preserved,
                                bool trace) {
  const size_t tablesAt = sizeof(wire::Header) + steps_.size() * sizeof(wire::Step);
  const size_t textsAt = tablesAt + tables_.size() * 8;
  const size_t size = textsAt + texts_.size();
  if (steps_.size() > wire::kMaxSteps || size > wire::kMaxPlan) return {};
  for (auto& step : steps_) {
    for (auto& text : step.text) text.offset += static_cast<uint32_t>(textsAt);
    for (auto& list : step.list) list.offset += static_cast<uint32_t>(tablesAt);
  }
  for (size_t i = 0; i < tables_.size(); i++) {
    if (tableIsOffset_[i]) tables_[i] += textsAt;
  }
  const wire::Header header = {wire::kMagic,
                               static_cast<uint32_t>(size),
                               static_cast<uint32_t>(steps_.size()),
                               slots,
                               inherited,
                               preserved,
                               trace ? 1U : 0U,
                               static_cast<uint32_t>(textsAt)};
  std::string plan;
  plan.reserve(size);
  plan.append(reinterpret_cast<const char*>(&header), sizeof header);
  plan.append(reinterpret_cast<const char*>(steps_.data()), steps_.size() * sizeof(wire::Step));
  plan.append(reinterpret_cast<const char*>(tables_.data()), tables_.size() * 8);
  plan.append(texts_);
  return plan;
}

}  // namespace tsrun
