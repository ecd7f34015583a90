// SPDX-License-Identifier: Apache-2.0
// Kernel (ridge) regression: f(x) = K(x, X) (K + ridge I)^-1 y, where training a network linear in
// its weights from f_0 = 0 ends. K as in dynamics.hpp.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/solve.hpp"

namespace overparam::kernel {

enum class RidgeScale {
  mean_diagonal,  ///< in units of tr(K) / N
  absolute,
};

enum class RegressionSolver {
  automatic,  ///< Cholesky where it fits the memory and N <= cholesky_up_to
  cholesky,
  conjugate_gradients,
};

struct RegressionOptions {
  double ridge = 0;
  RidgeScale ridge_scale = RidgeScale::mean_diagonal;
  RegressionSolver solver = RegressionSolver::automatic;
  bool in_place = false;                 ///< let Cholesky overwrite K
  std::uint64_t memory_limit = 0;        ///< bytes for the factor; 0: what is available
  std::int64_t cholesky_up_to = 20'000;  ///< rows
  int max_products = 1000;               ///< of conjugate gradients
  double tolerance = 1e-10;              ///< theirs
  std::int64_t preconditioner_rank = 200;
};

class KernelRegression {
 public:
  /// Solves (K + (ridge + jitter) I) a = y. Time N^3 / 3 + 2 N^2 c with Cholesky, whose jitter is 0
  /// unless K is singular to rounding; N^2 c a step with conjugate gradients, preconditioned by
  /// pivoted Cholesky columns.
  /// @param kernel K(X, X)   @param targets y (n, d)
  /// @throws Error(usage) for a negative ridge or sizes that do not fit, Error(capacity) if the
  /// factor was asked for and does not fit, Error(numeric) as Cholesky and conjugate gradients do
  KernelRegression(const at::Tensor& kernel,
                   const at::Tensor& targets,
                   const RegressionOptions& options = {});

  /// K(x, X) a, (p, d)
  [[nodiscard]] at::Tensor predict(const at::Tensor& cross) const;

  /// y_i - f_{-i}(x_i), (n, d), where f_{-i} is fitted without sample i: a_i over the i-th diagonal
  /// entry of the inverse, exactly. Time N^3 / 3.
  /// @throws Error(usage) without a Cholesky factor of a kernel (n, n)
  [[nodiscard]] at::Tensor leave_one_out_residuals() const;

  [[nodiscard]] const at::Tensor& coefficients() const { return coefficients_; }  ///< a (n, d)
  [[nodiscard]] double ridge() const { return ridge_; }                           ///< absolute

  /// The Cholesky factor, with the jitter it needed; null with conjugate gradients.
  [[nodiscard]] const linalg::Cholesky* factor() const { return factor_.get(); }

  /// Largest |y - (K + ridge I) a| / |y| over the right-hand sides, of conjugate gradients.
  [[nodiscard]] double residual() const { return residual_; }
  [[nodiscard]] int products() const { return products_; }
  [[nodiscard]] bool converged() const { return converged_; }

  /// How it was solved, with ridge, jitter or products.
  [[nodiscard]] std::string describe() const;

 private:
  void solve_by_factor(const at::Tensor& kernel, const RegressionOptions& options);
  void iterate(const at::Tensor& kernel, const RegressionOptions& options);

  at::Tensor coefficients_;  // (n, d)
  std::shared_ptr<const linalg::Cholesky> factor_;
  double ridge_ = 0;
  double residual_ = 0;
  int products_ = 0;
  bool converged_ = true;
};

/// Share of samples classified right, by `net::predicted_class`: with several outputs the largest
/// must be the label's, with one it must lie nearest to that class's target.
/// @param outputs (n, d)   @param labels (n), int64; those below 0 stand for class 0
/// @param num_classes used with d = 1; 0: as many as the labels show, at least 2
/// @throws Error(usage) for other shapes or another type of labels
double classification_accuracy(const at::Tensor& outputs,
                               const at::Tensor& labels,
                               std::int64_t num_classes = 0);

}  // namespace overparam::kernel
