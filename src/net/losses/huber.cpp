// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "coordinatewise.hpp"

namespace overparam::net {

namespace {

double value(double r) { return std::abs(r) <= 1 ? r * r / 2 : std::abs(r) - 0.5; }
double slope(double r) { return std::clamp(r, -1.0, 1.0); }
double curvature(double r) { return std::abs(r) < 1 ? 1 : 0; }

}  // namespace

Loss huber() {
  return coordinatewise<value, slope, curvature>({
      .name = "huber",
      .formula = "sum_a (r_a^2 / 2 where |r_a| <= 1, |r_a| - 1/2 elsewhere), r = y - y*",
      .source = "Theorem 5, convex",
      .lipschitz = 1,
      .kinks = {-1, 1},
  });
}

}  // namespace overparam::net
