// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"
#include "overparam/linalg/solve.hpp"
#include "thin_products.hpp"

namespace overparam::linalg {

SymmetricOperator dense_operator(const at::Tensor& matrix) {
  return [matrix](const at::Tensor& v, at::Tensor& out) {
    v.dim() == 1 ? multiply(out, matrix, v) : multiply_thin(out, matrix, v);
  };
}

SymmetricOperator columnwise(SymmetricOperator op) {
  return [op = std::move(op)](const at::Tensor& v, at::Tensor& out) {
    at::Tensor product = at::empty({v.size(0)}, at::kDouble);
    for (std::int64_t c = 0; c < v.size(1); ++c) {
      op(v.select(1, c).contiguous(), product);
      out.select(1, c).copy_(product);
    }
  };
}

namespace {

using Numbers = std::vector<double>;  // one a column

/// A coarse operator takes the residual down by this much before it is computed anew, must take it
/// down by half in truth, and may take so many products for each halving.
constexpr double kCoarseReduction = 0.2;
constexpr double kCoarseWorth = 0.5;
constexpr int kCoarsePatience = 15;

/// Whatever is done in each iteration allocates no tensor storage.
class Iteration {
 public:
  Iteration(const SymmetricOperator& op, at::Tensor right, const ConjugateGradientOptions& options)
      : op_(op),
        options_(options),
        right_(std::move(right)),
        solution_(at::zeros_like(right_)),
        residual_(right_.clone()),
        scaled_(at::empty_like(right_)),
        direction_(at::empty_like(right_)),
        product_(at::empty_like(right_)),
        squares_(right_.size(1) == 1 ? at::Tensor() : at::empty_like(right_)),
        factors_(at::empty({right_.size(1)}, at::kDouble)),
        decrease_(columns()),
        curvature_(columns()),
        iterations_(columns()),
        active_(columns()) {
    column_dots(right_, right_, squared_norms_);
    for (const double squared : squared_norms_) {
      base::require(std::isfinite(squared),
                    ErrorKind::numeric,
                    "conjugate gradients: a right-hand side has norm {}",
                    std::sqrt(squared));
    }
  }

  ConjugateGradientResult run() {
    while (any_unsolved(options_.tolerance) && may_go_on()) {
      const double before = largest_residual();
      const bool coarse = options_.coarse && coarse_is_close_;
      descend(coarse ? options_.coarse : op_,
              coarse ? std::max(options_.tolerance, kCoarseReduction * before) : options_.tolerance,
              coarse ? kCoarsePatience : 0);
      apply(op_, solution_);
      residual_.copy_(right_).sub_(product_);
      (void)any_unsolved(options_.tolerance);
      coarse_is_close_ = coarse_is_close_ && largest_residual() < kCoarseWorth * before;
    }
    const bool converged = !any_unsolved(options_.tolerance);
    return {.solution = solution_,
            .iterations = iterations_,
            .residuals = relative_residuals_,
            .remainder = residual_,
            .products = products_,
            .converged = converged};
  }

 private:
  /// From the true residual until its recursion says that every column is solved to this tolerance,
  /// or that it has not halved over so many products.
  void descend(const SymmetricOperator& op, double tolerance, int patience) {
    double milestone = largest_residual();
    int milestone_products = products_;
    precondition();
    direction_.copy_(scaled_);
    column_dots(residual_, scaled_, decrease_);
    bool running = any_unsolved(tolerance);
    while (running && may_go_on()) {
      apply(op, direction_);
      column_dots(direction_, product_, curvature_);
      set_factors(decrease_, curvature_, "operator");
      solution_.addcmul_(direction_, factors_);
      residual_.addcmul_(product_, factors_, -1);
      for (std::size_t c = 0; c < columns(); ++c) iterations_[c] += active_[c] ? 1 : 0;
      running = any_unsolved(tolerance);
      watch_progress();
      if (largest_residual() < milestone / 2) {
        milestone = largest_residual();
        milestone_products = products_;
      }
      if (patience > 0 && products_ - milestone_products >= patience) return;
      precondition();
      former_ = decrease_;
      column_dots(residual_, scaled_, decrease_);
      set_factors(decrease_, former_, "preconditioner");
      direction_.mul_(factors_).add_(scaled_);
    }
  }

  /// One product is kept for the true residual.
  [[nodiscard]] bool may_go_on() const {
    return products_ + 1 < options_.max_products && !gave_up_ &&
           (!options_.keep_going || options_.keep_going());
  }

  void watch_progress() {
    const double residual = largest_residual();
    if (residual < milestone_ / 2) {
      milestone_ = residual;
      milestone_products_ = products_;
    }
    gave_up_ = options_.patience > 0 && products_ - milestone_products_ >= options_.patience;
  }

  [[nodiscard]] double largest_residual() const {
    return *std::ranges::max_element(relative_residuals_);
  }

  void apply(const SymmetricOperator& op, const at::Tensor& v) {
    op(v, product_);
    ++products_;
  }

  void precondition() {
    if (options_.preconditioner) {
      options_.preconditioner(residual_, scaled_);
    } else {
      scaled_.copy_(residual_);
    }
  }

  /// Marks the columns whose residual is too large still, and says whether there are any.
  bool any_unsolved(double tolerance) {
    column_dots(residual_, residual_, relative_residuals_);
    bool any = false;
    for (std::size_t c = 0; c < columns(); ++c) {
      double& relative = relative_residuals_[c];
      relative = squared_norms_[c] > 0 ? std::sqrt(relative) / std::sqrt(squared_norms_[c]) : 0;
      active_[c] = !(relative <= tolerance);  // what is not a number is not solved
      any = any || active_[c];
    }
    return any;
  }

  /// factors = a / b where active, 0 elsewhere; both must be positive there.
  void set_factors(const Numbers& a, const Numbers& b, const char* which) {
    double* factors = factors_.data_ptr<double>();
    for (std::size_t c = 0; c < columns(); ++c) {
      base::require(!active_[c] || b[c] > 0,
                    ErrorKind::numeric,
                    "conjugate gradients: the {} is not positive definite: found v^T M v = {:.3g}",
                    which,
                    b[c]);
      factors[c] = active_[c] ? a[c] / b[c] : 0;
    }
  }

  void column_dots(const at::Tensor& a, const at::Tensor& b, Numbers& dots) {
    if (columns() == 1) {
      dots.assign(1, dot(a.view({-1}), b.view({-1}), factors_));
      return;
    }
    at::mul_out(squares_, a, b);
    at::sum_out(factors_, squares_, 0);
    const double* sums = factors_.data_ptr<double>();
    dots.assign(sums, sums + columns());
  }

  [[nodiscard]] std::size_t columns() const { return static_cast<std::size_t>(right_.size(1)); }

  const SymmetricOperator& op_;
  const ConjugateGradientOptions& options_;
  at::Tensor right_;  // (N, c), as the next six
  at::Tensor solution_;
  at::Tensor residual_;
  at::Tensor scaled_;
  at::Tensor direction_;
  at::Tensor product_;
  at::Tensor squares_;  // only for several columns
  at::Tensor factors_;  // (c)
  Numbers squared_norms_, relative_residuals_, decrease_, former_, curvature_;
  std::vector<int> iterations_;
  std::vector<bool> active_;
  int products_ = 0;
  double milestone_ = 1;  // a relative residual, and when it was reached
  int milestone_products_ = 0;
  bool gave_up_ = false;
  bool coarse_is_close_ = true;
};

}  // namespace

ConjugateGradientResult conjugate_gradients(const SymmetricOperator& op,
                                            const at::Tensor& right,
                                            const ConjugateGradientOptions& options) {
  base::require(right.dim() == 1 || right.dim() == 2,
                ErrorKind::usage,
                "conjugate gradients: expected right-hand sides (N) or (N, c), found {} dimensions",
                right.dim());
  const at::Tensor columns = right.to(at::kCPU, at::kDouble).reshape({right.size(0), -1});
  auto result = Iteration(op, columns.contiguous(), options).run();
  result.solution = result.solution.reshape(right.sizes());
  result.remainder = result.remainder.reshape(right.sizes());
  return result;
}

PivotedCholesky pivoted_cholesky(const at::Tensor& diagonal,
                                 const ColumnFunction& column,
                                 std::int64_t rank,
                                 double tolerance) {
  const std::int64_t n = diagonal.size(0);
  at::Tensor remaining = diagonal.to(at::kCPU, at::kDouble).clone();
  const double enough = tolerance * remaining.sum().item<double>();
  at::Tensor rows = at::empty({std::min(rank, n), n}, at::kDouble);  // F^T, so that a column is one
  at::Tensor next = at::empty({n}, at::kDouble);
  PivotedCholesky result;
  result.remaining_trace = remaining.sum().item<double>();
  for (std::int64_t k = 0; k < rows.size(0) && result.remaining_trace > enough; ++k) {
    const auto pivot = remaining.argmax().item<std::int64_t>();
    const double value = remaining[pivot].item<double>();
    if (!(value > 0)) break;
    column(pivot, next);
    const at::Tensor known = rows.narrow(0, 0, k);
    multiply(next, known.t(), known.select(1, pivot), -1, 1);
    rows[k].copy_(next).div_(std::sqrt(value));
    remaining.sub_(rows[k].square()).clamp_min_(0);
    remaining[pivot].zero_();
    result.pivots.push_back(pivot);
    result.remaining_trace = remaining.sum().item<double>();
  }
  result.factor = rows.narrow(0, 0, static_cast<std::int64_t>(result.pivots.size())).t();
  return result;
}

PivotedCholesky pivoted_cholesky(const at::Tensor& matrix, std::int64_t rank, double tolerance) {
  const auto column = [&](std::int64_t j, at::Tensor& out) { out.copy_(matrix[j]); };
  return pivoted_cholesky(matrix.diagonal(), column, rank, tolerance);
}

SymmetricOperator nystrom_preconditioner(const PivotedCholesky& low_rank, double mu) {
  const at::Tensor& factor = low_rank.factor;  // (N, k)
  const std::int64_t rank = factor.size(1);
  base::require(rank > 0, ErrorKind::usage, "nystrom preconditioner: the rank must be 1 or more");
  at::Tensor gram = at::empty({rank, rank}, at::kDouble);
  multiply(gram, factor.t(), factor);
  const auto [values, vectors] = at::linalg_eigh(gram);  // ascending
  // Directions below the rounding of F^T F would not come out orthonormal.
  const at::Tensor kept = at::nonzero(values > 1e-13 * values[rank - 1]).squeeze(1);
  const at::Tensor lambda = values.index_select(0, kept);
  const at::Tensor scaled = vectors.index_select(1, kept) / lambda.sqrt();
  at::Tensor basis = at::empty({factor.size(0), lambda.size(0)}, at::kDouble);
  multiply(basis, factor, scaled);  // U
  const at::Tensor weights = ((lambda[0] + mu) / (lambda + mu) - 1).unsqueeze(1);
  return [basis, weights](const at::Tensor& v, at::Tensor& out) {
    at::Tensor overlaps = at::empty({basis.size(1), v.size(1)}, at::kDouble);
    multiply_thin(overlaps, basis.t(), v);
    out.copy_(v);
    multiply_thin(out, basis, overlaps.mul_(weights), 1, 1);
  };
}

}  // namespace overparam::linalg
