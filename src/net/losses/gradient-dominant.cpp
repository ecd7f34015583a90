// SPDX-License-Identifier: Apache-2.0
// f(r) = r^2 + 3 sin^2 r is not convex, f'' = 2 + 6 cos 2r goes down to -4, and has no stationary
// point but its minimum: |f'|^2 >= 2 sigma f with sigma = 0.1755, reached at r = 2.2017.
#include <cmath>

#include "coordinatewise.hpp"

namespace overparam::net {

namespace {

double value(double r) { return r * r + 3 * std::sin(r) * std::sin(r); }
double slope(double r) { return 2 * r + 3 * std::sin(2 * r); }
double curvature(double r) { return 2 + 6 * std::cos(2 * r); }

}  // namespace

Loss gradient_dominant() {
  return coordinatewise<value, slope, curvature>({
      .name = "gradient-dominant",
      .formula = "sum_a (r_a^2 + 3 sin^2 r_a), r = y - y*: not convex",
      .source = "Theorem 5, gradient dominant",
      .lipschitz = 8,
      .gradient_dominance = 0.1755,
  });
}

}  // namespace overparam::net
