// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

namespace overparam::study {

/// JSON has no NaN and no infinity.
inline nlohmann::json finite_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

inline nlohmann::json finite_or_null(const std::vector<double>& values) {
  auto list = nlohmann::json::array();
  for (const double value : values) list.push_back(finite_or_null(value));
  return list;
}

inline double number_or_nan(const nlohmann::json& object, const char* key) {
  const auto entry = object.find(key);
  const bool missing = entry == object.end() || entry->is_null();
  return missing ? std::numeric_limits<double>::quiet_NaN() : entry->get<double>();
}

/// A number, for which null stands where there is none.
inline double number_or_nan(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

/// A list in which null stands for what is no number.
inline std::vector<double> numbers_or_nan(const nlohmann::json& list) {
  std::vector<double> values;
  for (const auto& value : list) values.push_back(number_or_nan(value));
  return values;
}

}  // namespace overparam::study
