// SPDX-License-Identifier: Apache-2.0
// Solves with an approximation of the tangent kernel that is cheap to factor.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>

#include "output_curvature.hpp"
#include "overparam/linalg/solve.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/newton_plan.hpp"

namespace overparam::train {

/// (K~ + lambda mu h H^-1)^-1 with h the mean of H, where K~ is K itself, its mean over outputs K^
/// (x) I_d, or Nystrom's approximation of that mean from some columns, and H the mean curvature of
/// each sample. In the limit of infinite width K = K^ (x) I_d, so that the preconditioner is exact
/// there; at finite width what is left are fluctuations of relative size 1/sqrt(m). Factors are in
/// float32: the conjugate gradients around them correct what that loses.
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

  /// For v (n d), float64.
  [[nodiscard]] at::Tensor solve(const at::Tensor& v) const;

 private:
  void factor(at::Tensor kernel, const OutputCurvature& curvature, double damping);
  void approximate(const net::Network& network,
                   const at::Tensor& inputs,
                   double damping,
                   std::int64_t landmarks,
                   std::uint64_t memory_limit);

  std::int64_t columns_ = 1;  // d where the outputs share a factor
  double mean_diagonal_ = 0;
  std::optional<linalg::Cholesky> factor_;
  linalg::SymmetricOperator low_rank_;
};

}  // namespace overparam::train
