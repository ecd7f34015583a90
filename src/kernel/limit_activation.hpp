// SPDX-License-Identifier: Apache-2.0
// What an activation does to pairs of Gaussian pre-activations when there are infinitely many
// neurons.
#pragma once

#include <functional>

#include "overparam/net/activation.hpp"

namespace overparam::kernel {

/// E phi(u) phi(v) and E phi'(u) phi'(v).
struct PairMoments {
  double product = 0;
  double slopes = 0;
};

struct LimitActivation {
  bool is_homogeneous = true;

  // Of a homogeneous one, phi(g) = odd g + even |g|.
  double odd = 1;
  double even = 0;
  double slope_at_zero = 1;  ///< what the passes take where g = 0

  /// Of another one, for (u, v) centred Gaussian with variances q, q' and covariance p:
  /// moments(q, p, q'). It sees sqrt(m) g, and gives a row's <h, h'>.
  std::function<PairMoments(double, double, double)> moments;
  bool by_quadrature = false;  ///< some 20 microseconds a pair, where closed forms take 0.1

  /// E phi(g)^2 / E g^2 of a homogeneous one
  [[nodiscard]] double square() const { return odd * odd + even * even; }

  /// beta of `advance_gaps`
  [[nodiscard]] double share_of_even() const { return even * even / square(); }
};

/// Closed forms for homogeneous activations, erf and square; for the others the trapezoidal rule on
/// both Gaussians, which is exact to rounding for functions as smooth as these.
LimitActivation limit_of(const net::Activation& activation);

}  // namespace overparam::kernel
