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

/// With which the theorems of Du et al. may fail.
constexpr double kFailure = 0.1;

/// n^6 / (lambda_0^4 p^3)
double width_for_flow(const Row& row) {
  return std::pow(value(row, "n"), 6) /
         (std::pow(value(row, "lambda_0"), 4) * std::pow(kFailure, 3));
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

bool near_enough_for_linearity(const Row& row) {
  return value(row, "omega") <=
         1 / (std::pow(value(row, "L"), 6) * std::pow(std::log(value(row, "m")), 1.5));
}

bool near_enough_for_kernels(const Row& row) {
  return value(row, "omega") <=
         1 / (std::pow(value(row, "L"), 9) * std::pow(std::log(value(row, "m")), 1.5));
}

bool wide_enough_for_flow(const Row& row) { return value(row, "m") >= width_for_flow(row); }

bool wide_enough_for_joint_flow(const Row& row) {
  const double m = value(row, "m");
  return m >= width_for_flow(row) * std::log(m / kFailure);
}

bool wide_enough_for_descent(const Row& row) {
  return wide_enough_for_flow(row) &&
         value(row, "eta") <= value(row, "lambda_0") / std::pow(value(row, "n"), 2);
}

bool wide_enough_for_limit_kernel(const Row& row) {
  const double n = value(row, "n");
  return value(row, "m") >= n * n * std::log(n / kFailure) / std::pow(value(row, "lambda_0"), 2);
}

bool near_enough_for_limit_kernel(const Row& row) {
  return value(row, "R") <= kFailure * value(row, "lambda_0") / std::pow(value(row, "n"), 2);
}

}  // namespace overparam::claims
