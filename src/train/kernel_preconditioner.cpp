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
  columns_ = plan.model == KernelModel::dense ? 1 : d;
  if (plan.model == KernelModel::landmarks) {
    approximate(network, inputs, damping, plan.landmarks, memory_limit);
    return;
  }
  if (plan.model == KernelModel::split) {
    split(network, inputs, curvature, damping, memory_limit);
    return;
  }
  const auto block = columns_ == 1 && d > 1 ? OutputBlock::full : OutputBlock::trace;
  at::Tensor kernel =
      kernel::empirical_kernel(
          network, inputs, {.block = block,
                                .type = at::kFloat,
                                .coarse = block == OutputBlock::trace,
                                .memory_limit = memory_limit})
          .cpu();
  mean_diagonal_ = kernel.diagonal().mean(at::kDouble).item<double>();
  if (mean_diagonal_ > 0) factor(kernel, curvature, damping);
}

void KernelPreconditioner::split(const net::Network& network,
                                 const at::Tensor& inputs,
                                 const OutputCurvature& curvature,
                                 double damping,
                                 std::uint64_t memory_limit) {
  net::Workspace workspace(network.options());
  const auto directions = kernel::mean_features(network, inputs, workspace);
  along_ = kernel::derivatives_along(network, inputs, directions, workspace);
  for (at::Tensor* part : {&along_.own, &along_.patterns, &along_.read_out}) {
    *part = part->to(at::kCPU, at::kFloat);
  }
  at::Tensor rest = kernel::empirical_kernel(network,
                                             inputs,
                                             {.block = OutputBlock::trace,
                                              .type = at::kFloat,
                                              .outputs = kOutputsOfRest,
                                              .without = directions,
                                              .coarse = true,
                                              .memory_limit = memory_limit})
                        .cpu();  // (n, n)
  const std::int64_t n = inputs.size(0);
  const auto squares = [](const at::Tensor& x) {
    const double norm = x.norm().item<double>();
    return norm * norm;
  };
  const double along =
      squares(along_.own) + squares(along_.patterns.norm(2, 0) * along_.read_out.norm(2, 0));
  mean_diagonal_ =
      rest.diagonal().mean(at::kDouble).item<double>() + along / static_cast<double>(n * columns_);
  if (mean_diagonal_ == 0) return;
  factor(rest, curvature, damping);
  at::Tensor own = along_.own.view({n, columns_ * along_.own.size(2)});
  for (at::Tensor* part : {&own, &along_.patterns}) {
    if (part->numel() > 0) factor_->divide_lower(*part);
  }
  at::Tensor gram = gram_along();
  gram.diagonal().add_(1);
  inner_.emplace(
      gram, linalg::CholeskyOptions{.largest_jitter = 1e-4, .in_place = true, .type = at::kFloat});
  along_x_ = at::empty({gram.size(0), 1}, at::kFloat);
  by_output_ = at::empty_like(along_.read_out);
}

at::Tensor KernelPreconditioner::gram_along() const {
  const auto& [own, patterns, read_out] = along_;
  const std::int64_t r = own.size(2);
  const std::int64_t shared = patterns.size(1);
  at::Tensor gram = at::empty({r + shared, r + shared}, own.options());
  at::Tensor among_own = gram.narrow(0, 0, r).narrow(1, 0, r);
  linalg::multiply_gram(among_own, own.view({own.size(0) * columns_, r}));
  at::Tensor among_shared = gram.narrow(0, r, shared).narrow(1, r, shared);
  linalg::multiply_gram(among_shared, patterns);
  at::Tensor read_outs = at::empty({shared, shared}, own.options());
  linalg::multiply_gram(read_outs, read_out);
  among_shared.mul_(read_outs);
  at::Tensor across = gram.narrow(0, r, shared).narrow(1, 0, r).zero_();
  at::Tensor of_output = at::empty({shared, r}, own.options());
  for (std::int64_t a = 0; a < columns_; ++a) {
    linalg::multiply(of_output, patterns.t(), own.select(1, a));
    across.addcmul_(of_output, read_out[a].unsqueeze(1));
  }
  gram.narrow(0, 0, r).narrow(1, r, shared).copy_(across.t());
  return gram;
}

void KernelPreconditioner::factor(at::Tensor kernel,
                                  const OutputCurvature& curvature,
                                  double damping) {
  at::Tensor diagonal = kernel.diagonal();
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
  x_ = at::empty({kernel.size(0), columns_}, at::kFloat);
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

void KernelPreconditioner::solve(const at::Tensor& v, at::Tensor& out) {
  at::Tensor columns = out.view({-1, columns_});
  if (low_rank_) {
    low_rank_(v.view({-1, columns_}), columns);
    return;
  }
  x_.copy_(v.view({-1, columns_}));
  factor_->divide_lower(x_);
  if (inner_) remove_along();
  factor_->divide_upper(x_);
  columns.copy_(x_);
}

void KernelPreconditioner::remove_along() {
  const auto& [own, patterns, read_out] = along_;
  const std::int64_t r = own.size(2);
  at::Tensor flat = x_.view({-1});
  at::Tensor of_own = along_x_.narrow(0, 0, r).select(1, 0);
  at::Tensor of_shared = along_x_.narrow(0, r, patterns.size(1)).select(1, 0);
  const at::Tensor rows = own.view({own.size(0) * columns_, r});

  linalg::multiply(of_own, rows.t(), flat);
  linalg::multiply(by_output_, x_.t(), patterns);
  at::sum_out(of_shared, by_output_.mul_(read_out), 0);
  inner_->divide_lower(along_x_);
  inner_->divide_upper(along_x_);
  linalg::multiply(flat, rows, of_own, -1, 1);
  at::mul_out(by_output_, read_out, of_shared);
  linalg::multiply(x_, patterns, by_output_.t(), -1, 1);
}

}  // namespace overparam::train
