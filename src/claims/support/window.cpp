// SPDX-License-Identifier: Apache-2.0
#include "support/window.hpp"

#include <cmath>
#include <limits>

namespace overparam::claims {

namespace {

/// NaN, which satisfies no condition, where the row has no such value.
double value(const Row& row, const char* name) {
  return row.has(name) ? row.at(name) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

bool everywhere(const Row&) { return true; }

bool wide_enough_to_train(const Row& row) {
  const double m = value(row, "m");
  const double d = row.has("d") ? row.at("d") : 1;
  return m >= std::pow(value(row, "n"), 24) * std::pow(value(row, "L"), 12) * d *
                  std::pow(std::log(m), 5) / std::pow(value(row, "delta"), 8);
}

bool near_enough_for_gradients(const Row& row) {
  const double omega = row.has("omega") ? row.at("omega") : 0;
  return wide_enough_to_train(row) &&
         omega <= std::pow(value(row, "delta"), 1.5) /
                      (std::pow(value(row, "n"), 4.5) * std::pow(value(row, "L"), 6) *
                       std::pow(std::log(value(row, "m")), 3));
}

bool near_enough_for_stability(const Row& row) {
  return value(row, "omega") <=
         1 / (std::pow(value(row, "L"), 4.5) * std::pow(std::log(value(row, "m")), 3));
}

}  // namespace overparam::claims
