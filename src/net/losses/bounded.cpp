// SPDX-License-Identifier: Apache-2.0
#include "coordinatewise.hpp"

namespace overparam::net {

namespace {

double value(double r) { return r * r / (1 + r * r); }
double slope(double r) { return 2 * r / ((1 + r * r) * (1 + r * r)); }
double curvature(double r) {
  const double s = 1 + r * r;
  return (2 - 6 * r * r) / (s * s * s);
}

}  // namespace

Loss bounded() {
  return coordinatewise<value, slope, curvature>({
      .name = "bounded",
      .formula = "sum_a r_a^2 / (1 + r_a^2), r = y - y*: not convex, at most 1 an output",
      .source = "Theorem 5, non-convex",
      .lipschitz = 2,
  });
}

}  // namespace overparam::net
