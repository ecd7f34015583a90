// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace overparam::study {

/// JSON has no NaN and no infinity.
inline nlohmann::json finite_or_null(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

inline double number_or_nan(const nlohmann::json& object, const char* key) {
  const auto entry = object.find(key);
  const bool missing = entry == object.end() || entry->is_null();
  return missing ? std::numeric_limits<double>::quiet_NaN() : entry->get<double>();
}

}  // namespace overparam::study
