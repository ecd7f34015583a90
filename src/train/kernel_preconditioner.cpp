// SPDX-License-Identifier: Apache-2.0
#include "kernel_preconditioner.hpp"

#include <ATen/ATen.h>

#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::train {

using kernel::OutputBlock;

namespace {

/// Samples that curve little are damped much; past this many times mu more changes nothing.
constexpr double kMostRidge = 1e6;

/// Evenly spread over the samples, which come in no order.
at::Tensor landmark_samples(std::int64_t n, std::int64_t landmarks) {
  return at::arange(landmarks, at::kLong).mul_(n).div_(landmarks, "floor");
}

}  // namespace

KernelPreconditioner::KernelPreconditioner(const net::Network& network,
                                           const at::Tensor& inputs,
                                           const OutputCurvature& curvature,
                                           double damping,
                                           const NewtonPlan& plan,
                                           std::uint64_t memory_limit) {
  const std::int64_t d = network.architecture().num_outputs();
  columns_ = plan.dense ? 1 : d;
  if (plan.landmarks > 0) {
    approximate(network, inputs, damping, plan.landmarks, memory_limit);
    return;
  }
  factor(kernel::empirical_kernel(network,
                                  inputs,
                                  {.block = plan.dense ? OutputBlock::full : OutputBlock::trace,
                                   .type = at::kFloat,
                                   .memory_limit = memory_limit})
             .cpu(),
         curvature,
         damping);
}

void KernelPreconditioner::factor(at::Tensor kernel,
                                  const OutputCurvature& curvature,
                                  double damping) {
  at::Tensor diagonal = kernel.diagonal();
  mean_diagonal_ = diagonal.mean(at::kDouble).item<double>();
  if (mean_diagonal_ == 0) return;
  const double shift = damping * mean_diagonal_ * curvature.mean_curvature();
  if (curvature.is_identity()) {
    diagonal.add_(shift);
  } else if (columns_ == 1) {
    const at::Tensor inverses = curvature.inverses();  // (n, d, d)
    const std::int64_t n = inverses.size(0);
    const std::int64_t d = inverses.size(1);
    // The blocks K_ii as (d, d, n), a view.
    kernel.view({n, d, n, d}).diagonal(0, 0, 2).add_(inverses.permute({1, 2, 0}), shift);
  } else {
    diagonal.add_((shift / curvature.curvatures()).clamp_max(kMostRidge * mean_diagonal_));
  }
  factor_.emplace(
      kernel,
      linalg::CholeskyOptions{.largest_jitter = 1e-4, .in_place = true, .type = at::kFloat});
}

/// K^ ~ C W^-1 C^T with the kernel's columns C of the landmarks and their own block W.
void KernelPreconditioner::approximate(const net::Network& network,
                                       const at::Tensor& inputs,
                                       double damping,
                                       std::int64_t landmarks,
                                       std::uint64_t memory_limit) {
  const at::Tensor chosen = landmark_samples(inputs.size(0), landmarks);
  const at::Tensor columns =
      kernel::empirical_kernel(network,
                               inputs,
                               inputs.index_select(0, chosen.to(inputs.device())),
                               {.block = OutputBlock::trace, .memory_limit = memory_limit})
          .cpu();                                            // (n, k)
  const at::Tensor block = columns.index_select(0, chosen);  // (k, k)
  mean_diagonal_ = block.diagonal().mean().item<double>();
  const linalg::Cholesky root(block, {.largest_jitter = 1e-4});
  linalg::PivotedCholesky low_rank;
  low_rank.factor = root.solve_lower(columns.t().contiguous()).t();  // (n, k)
  const double rest = mean_diagonal_ - low_rank.factor.square().sum(1).mean().item<double>();
  low_rank_ =
      linalg::nystrom_preconditioner(low_rank, damping * mean_diagonal_ + std::max(rest, 0.0));
}

at::Tensor KernelPreconditioner::solve(const at::Tensor& v) const {
  if (!low_rank_) return factor_->solve(v.view({-1, columns_})).reshape(v.sizes());
  const at::Tensor columns = v.view({-1, columns_});
  at::Tensor out = at::empty_like(columns);
  low_rank_(columns, out);
  return out.view(v.sizes());
}

}  // namespace overparam::train
