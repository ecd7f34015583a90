// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include "coordinatewise.hpp"

namespace overparam::net {

namespace {

/// log cosh r without overflow, and near 0 without taking numbers near 1 from each other: cosh r -
/// 1 = 2 sinh(r/2)^2.
double value(double r) {
  if (std::abs(r) < 1) {
    const double half = std::sinh(r / 2);
    return std::log1p(2 * half * half);
  }
  return std::abs(r) + std::log1p(std::exp(-2 * std::abs(r))) - std::numbers::ln2;
}
double slope(double r) { return std::tanh(r); }
double curvature(double r) { return 1 - std::tanh(r) * std::tanh(r); }

}  // namespace

Loss log_cosh() {
  return coordinatewise<value, slope, curvature>({
      .name = "log-cosh",
      .formula = "sum_a log cosh r_a, r = y - y*",
      .source = "Theorem 5, convex",
      .lipschitz = 1,
  });
}

}  // namespace overparam::net
