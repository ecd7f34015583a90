// SPDX-License-Identifier: Apache-2.0
#include "overparam/kernel/regression.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "kernel_shapes.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/net/loss.hpp"

namespace overparam::kernel {

namespace {

constexpr auto kWhere = "kernel regression";

bool use_factor(std::int64_t size, const RegressionOptions& options) {
  if (options.solver == RegressionSolver::conjugate_gradients) return false;
  const auto plan = linalg::plan_cholesky(size, options.in_place);
  if (options.solver == RegressionSolver::automatic) {
    return size <= options.cholesky_up_to && plan.fits(options.memory_limit);
  }
  plan.check(options.memory_limit);
  return true;
}

}  // namespace

KernelRegression::KernelRegression(const at::Tensor& kernel,
                                   const at::Tensor& targets,
                                   const RegressionOptions& options)
    : coefficients_(rows_of(targets, kWhere, "targets")) {
  base::require(options.ridge >= 0,
                ErrorKind::usage,
                "{}: the ridge must not be negative, found {}",
                kWhere,
                options.ridge);
  const std::int64_t n = coefficients_.size(0);
  const at::Tensor K = kernel_of(kernel, n, n, coefficients_.size(1), kWhere);
  const double unit =
      options.ridge_scale == RidgeScale::absolute ? 1 : K.diagonal().mean().item<double>();
  ridge_ = options.ridge * unit;
  use_factor(K.size(0), options) ? solve_by_factor(K, options) : iterate(K, options);
}

void KernelRegression::solve_by_factor(const at::Tensor& kernel, const RegressionOptions& options) {
  factor_ = std::make_shared<linalg::Cholesky>(
      kernel, linalg::CholeskyOptions{.ridge = ridge_, .in_place = options.in_place});
  const at::Tensor right = coefficients_.view({kernel.size(0), -1});
  coefficients_ = factor_->solve(right).view(coefficients_.sizes());
}

void KernelRegression::iterate(const at::Tensor& kernel, const RegressionOptions& options) {
  const std::int64_t size = kernel.size(0);
  const auto product = linalg::dense_operator(kernel);
  const auto ridged = [&](const at::Tensor& v, at::Tensor& out) {
    product(v, out);
    out.add_(v, ridge_);
  };
  const auto low_rank =
      linalg::pivoted_cholesky(kernel, std::min(options.preconditioner_rank, size));
  // Without a ridge, what the columns leave over stands for the small eigenvalues.
  const double level = ridge_ + low_rank.remaining_trace / static_cast<double>(size);
  const auto result = linalg::conjugate_gradients(
      ridged,
      coefficients_.view({size, -1}),
      {.max_products = options.max_products,
       .tolerance = options.tolerance,
       .preconditioner = linalg::nystrom_preconditioner(low_rank, level)});
  coefficients_ = result.solution.view(coefficients_.sizes());
  residual_ = std::ranges::max(result.residuals);
  products_ = result.products;
  converged_ = result.converged;
}

at::Tensor KernelRegression::predict(const at::Tensor& cross) const {
  const std::int64_t n = coefficients_.size(0);
  const std::int64_t d = coefficients_.size(1);
  base::require(cross.dim() == 2 && (cross.size(1) == n || cross.size(1) == n * d),
                ErrorKind::usage,
                "{}: expected a kernel with {} or {} columns, found ({})",
                kWhere,
                n,
                n * d,
                fmt::join(cross.sizes(), ", "));
  const at::Tensor kernel = cross.to(at::kCPU, at::kDouble);
  const at::Tensor right = coefficients_.view({kernel.size(1), -1});
  at::Tensor out = at::empty({kernel.size(0), right.size(1)}, at::kDouble);
  linalg::multiply(out, kernel, right);
  return out.view({-1, d});
}

at::Tensor KernelRegression::leave_one_out_residuals() const {
  base::require(factor_ && factor_->size() == coefficients_.size(0),
                ErrorKind::usage,
                "{}: leaving one out needs a Cholesky factor of a kernel (n, n)",
                kWhere);
  return coefficients_ / factor_->inverse_diagonal().unsqueeze(1);
}

std::string KernelRegression::describe() const {
  if (factor_) {
    return fmt::format("Cholesky with ridge {:.3g} and jitter {:.3g} ({:g} of the mean diagonal)",
                       ridge_,
                       factor_->jitter(),
                       factor_->relative_jitter());
  }
  return fmt::format("conjugate gradients with ridge {:.3g}: {} after {} products, residual {:.2g}",
                     ridge_,
                     converged_ ? "converged" : "not converged",
                     products_,
                     residual_);
}

double classification_accuracy(const at::Tensor& outputs,
                               const at::Tensor& labels,
                               std::int64_t num_classes) {
  base::require(outputs.dim() == 2 && labels.dim() == 1 && outputs.size(0) == labels.size(0) &&
                    outputs.numel() > 0 && labels.scalar_type() == at::kLong,
                ErrorKind::usage,
                "classification accuracy: expected outputs (n, d) and n int64 labels, found ({}) "
                "and ({})",
                fmt::join(outputs.sizes(), ", "),
                fmt::join(labels.sizes(), ", "));
  const at::Tensor rows = outputs.to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor classes = labels.cpu().clamp_min(0).contiguous();
  const std::int64_t shown = classes.max().item<std::int64_t>() + 1;
  const std::int64_t count = num_classes > 0 ? num_classes : std::max<std::int64_t>(shown, 2);
  const auto d = static_cast<std::size_t>(rows.size(1));
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const auto* output = rows.data_ptr<double>() + i * rows.size(1);
    const auto predicted = net::predicted_class({output, d}, count);
    right += predicted == classes.data_ptr<std::int64_t>()[i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(rows.size(0));
}

}  // namespace overparam::kernel
