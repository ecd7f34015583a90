// SPDX-License-Identifier: Apache-2.0
#include "class_values.hpp"

#include <ATen/ATen.h>

#include <algorithm>

namespace overparam::data {

namespace {

template <typename Value>
void sort_distinct(std::vector<Value>& values) {
  std::ranges::sort(values);
  values.erase(std::ranges::unique(values).begin(), values.end());
}

template <typename Value>
std::int64_t number_of(const std::vector<Value>& distinct, const Value& value) {
  return std::ranges::lower_bound(distinct, value) - distinct.begin();
}

}  // namespace

Classes number_classes(const std::vector<at::Tensor*>& parts) {
  std::vector<std::int64_t> distinct;
  for (const auto* part : parts) {
    const auto* values = part->data_ptr<std::int64_t>();
    distinct.insert(distinct.end(), values, values + part->numel());
    sort_distinct(distinct);
  }
  for (auto* part : parts) {
    auto* values = part->data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < part->numel(); ++i) values[i] = number_of(distinct, values[i]);
  }
  Classes classes{.count = std::ssize(distinct)};
  const bool already_numbered =
      distinct.empty() || (distinct.front() == 0 && distinct.back() == classes.count - 1);
  if (!already_numbered) {
    for (const auto value : distinct) classes.names.push_back(std::to_string(value));
  }
  return classes;
}

Classes number_classes(const std::vector<std::string>& values, at::Tensor& labels) {
  Classes classes{.names = values};
  sort_distinct(classes.names);
  classes.count = std::ssize(classes.names);
  labels = at::empty({std::ssize(values)}, at::kLong);
  auto* label = labels.data_ptr<std::int64_t>();
  for (const auto& value : values) *label++ = number_of(classes.names, value);
  return classes;
}

}  // namespace overparam::data
