// SPDX-License-Identifier: Apache-2.0
// Solves with an approximation of the tangent kernel that is cheap to factor.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "output_curvature.hpp"
#include "overparam/kernel/mean_feature.hpp"
#include "overparam/linalg/solve.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/newton_plan.hpp"

namespace overparam::train {

/// Outputs over which the rest beside mean features is averaged: a second one saves an iteration,
/// ten of them none.
inline constexpr std::int64_t kOutputsOfRest = 2;

/// (K~ + lambda mu h H^-1)^-1 with h the mean of H, where K~ is the plan's model of K and H the
/// mean curvature of each sample. In the limit of infinite width K = K^ (x) I_d, so that the mean
/// model is exact there. At finite width it is not as soon as n d exceeds the R rows of the trained
/// blocks: then U U^T + K'^ (x) I_d is (see kernel/mean_feature.hpp), solved by
///
///     (U U^T + M)^-1 = L^-T (I - V (I + V^T V)^-1 V^T) L^-1,   M = K'^ (x) I_d + ... = L L^T,
///     V = L^-1 U (n d, R).
///
/// To a residual of 0.1 on 1,500 digits, m = 1,024, L = 2: 26 iterations with the mean, 5 with the
/// split. Factors are in float32: the conjugate gradients around them correct what that loses.
class KernelPreconditioner {
 public:
  KernelPreconditioner(const net::Network& network,
                       const at::Tensor& inputs,
                       const OutputCurvature& curvature,
                       double damping,
                       const NewtonPlan& plan,
                       std::uint64_t memory_limit);

  /// mu, the mean diagonal of K; where it is 0 no weight moves any output, and nothing can be
  /// solved
  [[nodiscard]] double mean_diagonal() const { return mean_diagonal_; }

  /// For v and out (n d), float64. Allocates nothing but for landmarks.
  void solve(const at::Tensor& v, at::Tensor& out);

 private:
  void factor(at::Tensor kernel, const OutputCurvature& curvature, double damping);
  void split(const net::Network& network,
             const at::Tensor& inputs,
             const OutputCurvature& curvature,
             double damping,
             std::uint64_t memory_limit);
  /// V^T V (R, R)
  [[nodiscard]] at::Tensor gram_along() const;
  /// x <- x - V (I + V^T V)^-1 V^T x
  void remove_along();
  void approximate(const net::Network& network,
                   const at::Tensor& inputs,
                   double damping,
                   std::int64_t landmarks,
                   std::uint64_t memory_limit);

  std::int64_t columns_ = 1;  // d where the outputs share a factor
  double mean_diagonal_ = 0;
  std::optional<linalg::Cholesky> factor_;  // L L^T
  kernel::DerivativesAlong along_;          // V, in the pieces of U
  std::optional<linalg::Cholesky> inner_;   // of I + V^T V
  at::Tensor x_;                            // (n, d) or (n d, 1)
  at::Tensor along_x_;                      // V^T x (R, 1)
  at::Tensor by_output_;                    // of the patterns, (d, R_shared)
  linalg::SymmetricOperator low_rank_;
};

}  // namespace overparam::train
