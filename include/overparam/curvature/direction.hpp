// SPDX-License-Identifier: Apache-2.0
// Directions in the space of weights: along the gradient, of most negative or most positive
// curvature, and others; each with evidence for what it is.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "overparam/curvature/hessian.hpp"
#include "overparam/linalg/fit.hpp"

namespace overparam::curvature {

/// v^T H v over the batches of an objective: their mean, and its standard error. With an objective
/// of samples that were not used to find v it tells how much of the curvature is the samples' own.
linalg::Estimate batch_curvature(const HessianProduct& product, const at::Tensor& v);

enum class DirectionMethod {
  lanczos,      ///< Lanczos with full reorthogonalisation on the whole objective, then on from its
                ///< answer while it is not confirmed
  oja,          ///< v <- normalise(v - eta H_b v), one batch b a step (Oja 1982)
  neon_online,  ///< x <- x - eta (grad f_b(x) - grad f_b(W)) (Allen-Zhu and Li 2018, Neon2-online)
  neon_det,     ///< Chebyshev on whole gradients (Neon2-det)
};
std::string to_string(DirectionMethod method);
/// @throws Error(usage) with the names
DirectionMethod parse_direction_method(const std::string& name);

struct DirectionOptions {
  DirectionMethod method = DirectionMethod::lanczos;
  int max_products = 60;    ///< of the whole Hessian; for the stochastic methods, passes over it
  double tolerance = 1e-2;  ///< of |H v - c v| / |c|
  double step = 0;          ///< eta; 0: 1 / L with L from ten Lanczos products
  double radius = 0;        ///< of Neon2, as a share of |W|; 0: ten times its start
  std::uint64_t seed = 0;
  at::Tensor start;                  ///< (P), to begin from; undefined: random
  std::function<bool()> keep_going;  ///< asked before each product; none: always
};

/// A unit vector and what is known of it.
struct CurvedDirection {
  at::Tensor vector;            ///< (P), |v| = 1
  double curvature = 0;         ///< v^T H v, from a product of its own
  double residual = 0;          ///< |H v - c v| / |c|, from the same product
  double claimed_residual = 0;  ///< what the recurrence says; NaN where there is none
  double largest = 0;           ///< L: the largest eigenvalue met, for scale
  double products = 0;          ///< of the whole Hessian, or as many batches
  bool converged = false;       ///< residual <= tolerance
  std::string method;           ///< in words
};

/// The direction of most negative curvature. Where there is none the smallest found, which is then
/// positive, and says so by its sign.
/// @throws Error(usage) for an objective of one batch with a stochastic method
CurvedDirection most_negative_direction(const HessianProduct& product,
                                        const DirectionOptions& options = {});

/// The `count` directions of largest curvature, by Lanczos, largest first.
std::vector<CurvedDirection> top_directions(const HessianProduct& product,
                                            int count,
                                            const DirectionOptions& options = {});

/// The unit vector along grad f(W), with f there and |grad f|.
struct GradientDirection {
  at::Tensor vector;  ///< (P); zero where the gradient is
  double norm = 0;
  Value value;
};
GradientDirection gradient_direction(const Objective& objective, const at::Tensor& weights);

/// A Gaussian direction whose filters have the norms of the weights' own; tensors of one dimension
/// are left out (Li et al. 2018).
at::Tensor filter_normalised_direction(const Objective& objective,
                                       const at::Tensor& weights,
                                       std::uint64_t seed);

/// Turns v so that <g, v> >= 0.
void orient(at::Tensor& v, const at::Tensor& gradient);

/// The principal directions of a trajectory W_1, ..., W_k about its last point, through the Gram
/// matrix of its rows; with the share of the squared distances that they hold together.
struct PrincipalDirections {
  std::vector<at::Tensor> vectors;  ///< unit, orthogonal
  std::vector<double> shares;
};
PrincipalDirections principal_directions(const std::vector<at::Tensor>& trajectory, int count);

}  // namespace overparam::curvature
