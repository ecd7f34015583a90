// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numbers>

namespace overparam::linalg {

/// E f(z)^2 for z ~ N(0, 1), by the trapezoidal rule on [-12, 12]: exact to rounding for analytic f
/// that grow no faster than a polynomial.
inline double gaussian_second_moment(double (*f)(double)) {
  constexpr double kStep = 0.01;
  double sum = 0;
  for (double z = -12; z <= 12; z += kStep) sum += f(z) * f(z) * std::exp(-z * z / 2);
  return sum * kStep / std::sqrt(2 * std::numbers::pi);
}

}  // namespace overparam::linalg
