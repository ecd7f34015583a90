// SPDX-License-Identifier: Apache-2.0
// How well two-layer networks with the activation z^2 fit a quadratic of Gaussian inputs,
//
//     y = <x, B x> - tr B,     x ~ N(0, I_d),     B = diag(gamma) / sqrt(d),  gamma_i ~ Exp(1)
//
// as the risk over its value without a network, E (y - f)^2 / (2 |B|_F^2). With a constant added to
// f, a network is a symmetric matrix M and the risk is |B - M|_F^2 / |B|_F^2: the least squares
// problems of lazy training are linear algebra with no sampling error.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace overparam::study {

/// The diagonal of B, (d) float64.
at::Tensor quadratic_target(std::int64_t dimension, std::uint64_t seed);

/// First-layer weights w_r uniform on the sphere, (neurons, d) float64. A norm of its own for each
/// neuron would change nothing: features may be scaled.
at::Tensor first_layer(std::int64_t neurons, std::int64_t dimension, std::uint64_t seed);

/// Least risk over M = sum_{r <= N} a_r w_r w_r^T for every N (random features), N = 0 first.
std::vector<double> random_features_risk(const at::Tensor& target, const at::Tensor& weights);

/// Least risk over M = sum_{r <= N} (w_r b_r^T + b_r w_r^T), b_r free, for every N (tangent
/// features), N = 0 first: what is left of B on the complement of the span of the weights.
std::vector<double> tangent_features_risk(const at::Tensor& target, const at::Tensor& weights);

/// The limits for d -> infinity at rho = N / d, with beta = tr(B)^2 / (d |B|_F^2).
double random_features_limit(double rho, double beta);
double tangent_features_limit(double rho, double beta);

/// The least risk of a network with N neurons that trains both factors: all but the N largest
/// eigenvalues of B.
double trained_limit(const at::Tensor& target, std::int64_t neurons);

/// beta of a target.
double trace_share(const at::Tensor& target);

struct QuadraticTraining {
  std::int64_t neurons = 10;
  std::int64_t steps = 10'000;
  std::int64_t batch = 100;
  double step_size = 0.01;  ///< a tenth of it in the last third
  std::uint64_t seed = 0;
};

/// The risk after one pass of SGD, each sample seen once, on f = sum_r (w_r^T x)^2 + c.
double trained_risk(const at::Tensor& target, const QuadraticTraining& training);

}  // namespace overparam::study
