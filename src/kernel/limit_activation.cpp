// SPDX-License-Identifier: Apache-2.0
#include "limit_activation.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

namespace overparam::kernel {

namespace {

using std::numbers::pi;

/// phi and phi' of an activation at some numbers, as a row of one neuron sees them.
struct Values {
  at::Tensor features;
  at::Tensor slopes;
};

Values values_of(const net::Activation& activation, const at::Tensor& at) {
  at::Tensor features = at.reshape({-1, 1}).clone();  // rows of one neuron each
  at::Tensor slopes = at::ones_like(features);
  if (activation.keeps_slopes()) {
    activation.apply_with_slopes(features, slopes);
  } else {
    activation.apply(features);
    if (activation.multiply_derivative != nullptr) activation.multiply_derivative(slopes, features);
  }
  return {features.view(at.sizes()), slopes.view(at.sizes())};
}

/// The trapezoidal rule for a standard Gaussian: its error falls faster than any power of the step
/// for functions that are analytic near the real line.
class GaussianRule {
 public:
  GaussianRule() {
    points_ = at::arange(-kEnd, kEnd + kStep / 2, kStep, at::kDouble);
    weights_ = at::exp(points_.square() / -2) * (kStep / std::sqrt(2 * pi));
  }

  [[nodiscard]] PairMoments operator()(const net::Activation& activation,
                                       double q,
                                       double p,
                                       double other) const {
    const double root = std::sqrt(q);
    const double along = root > 0 ? p / root : 0;
    const double across = std::sqrt(std::fmax(0, other - along * along));
    const Values left = values_of(activation, points_ * root);  // (k)
    const Values right =
        values_of(activation, points_.view({-1, 1}) * along + points_.view({1, -1}) * across);
    const auto mean = [&](const at::Tensor& f, const at::Tensor& g) {
      return at::dot(f * weights_, at::mv(g, weights_)).item<double>();
    };
    return {mean(left.features, right.features), mean(left.slopes, right.slopes)};
  }

 private:
  static constexpr double kEnd = 8.5;
  static constexpr double kStep = 0.125;
  at::Tensor points_;
  at::Tensor weights_;
};

PairMoments erf_moments(double c, double q, double p, double other) {
  const double sizes = (1 + 2 * q) * (1 + 2 * other);
  return {c * 2 / pi * std::asin(2 * p / std::sqrt(sizes)),
          c * 4 / pi / std::sqrt(sizes - 4 * p * p)};
}

PairMoments square_moments(double c, double q, double p, double other) {
  return {c * (q * other + 2 * p * p), c * 4 * p};
}

}  // namespace

LimitActivation limit_of(const net::Activation& activation) {
  LimitActivation limit;
  if (activation.is_homogeneous) {
    const Values values =
        values_of(activation, at::tensor({1.0, -1.0, 0.0}, at::dtype(at::kDouble)));
    const auto* at = values.features.data_ptr<double>();
    limit.odd = (at[0] - at[1]) / 2;
    limit.even = (at[0] + at[1]) / 2;
    limit.slope_at_zero = values.slopes[2].item<double>();
    return limit;
  }
  limit.is_homogeneous = false;
  const double c = 1 / activation.second_moment;
  if (activation.name == "erf") {
    limit.moments = [c](double q, double p, double other) { return erf_moments(c, q, p, other); };
  } else if (activation.name == "square") {
    limit.moments = [c](double q, double p, double other) {
      return square_moments(c, q, p, other);
    };
  } else {
    limit.by_quadrature = true;
    limit.moments = [activation, rule = GaussianRule()](double q, double p, double other) {
      return rule(activation, q, p, other);
    };
  }
  return limit;
}

}  // namespace overparam::kernel
