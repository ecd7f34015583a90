// SPDX-License-Identifier: Apache-2.0
// log(1 + r^2) for each output, r = y - y*: grows slowly, so that outliers count little, and is not
// convex beyond |r| = 1.
#include <cmath>

#include "coordinatewise.hpp"

namespace overparam::net {

namespace {

double value(double r) { return std::log1p(r * r); }
double slope(double r) { return 2 * r / (1 + r * r); }
double curvature(double r) { return 2 * (1 - r * r) / ((1 + r * r) * (1 + r * r)); }

}  // namespace

Loss cauchy() {
  return coordinatewise<value, slope, curvature>({
      .name = "cauchy",
      .formula = "sum_a log(1 + r_a^2)",
      .source = "docs/adding.md",
      .lipschitz = 2,
  });
}

}  // namespace overparam::net
