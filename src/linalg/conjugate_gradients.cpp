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

at::Tensor column_dots(const at::Tensor& a, const at::Tensor& b) { return (a * b).sum(0); }

/// a / b where `active`, 0 elsewhere; both must be positive there.
at::Tensor ratio(const at::Tensor& a,
                 const at::Tensor& b,
                 const at::Tensor& active,
                 const char* which) {
  const at::Tensor least = at::where(active, b, at::ones_like(b)).min();
  base::require(least.item<double>() > 0,
                ErrorKind::numeric,
                "conjugate gradients: the {} is not positive definite: found v^T M v = {:.3g}",
                which,
                least.item<double>());
  return at::where(active, a / b, at::zeros_like(a));
}

class Iteration {
 public:
  Iteration(const SymmetricOperator& op, at::Tensor right, const ConjugateGradientOptions& options)
      : op_(op),
        options_(options),
        right_(std::move(right)),
        norms_(right_.norm(2, 0)),
        solution_(at::zeros_like(right_)),
        residual_(right_.clone()),
        product_(at::empty_like(right_)),
        iterations_(at::zeros({right_.size(1)}, at::kInt)) {}

  ConjugateGradientResult run() {
    while (unsolved().any().item<bool>() && may_go_on()) {
      descend();
      apply(solution_);
      residual_.copy_(right_).sub_(product_);
    }
    const at::Tensor relative = relative_residuals();
    const auto* counts = iterations_.data_ptr<int>();
    const auto* values = relative.data_ptr<double>();
    const std::int64_t columns = right_.size(1);
    return {.solution = solution_,
            .iterations = {counts, counts + columns},
            .residuals = {values, values + columns},
            .remainder = residual_,
            .products = products_,
            .converged = !unsolved().any().item<bool>()};
  }

 private:
  /// From the true residual until its recursion says that every column is solved.
  void descend() {
    at::Tensor scaled = preconditioned();
    at::Tensor direction = scaled.clone();
    at::Tensor decrease = column_dots(residual_, scaled);
    at::Tensor active = unsolved();
    // One product is kept for the true residual.
    while (active.any().item<bool>() && may_go_on()) {
      apply(direction);
      const at::Tensor step = ratio(decrease, column_dots(direction, product_), active, "operator");
      solution_.addcmul_(direction, step);
      residual_.addcmul_(product_, step, -1);
      iterations_.add_(active);
      active = unsolved();
      watch_progress();
      scaled = preconditioned();
      const at::Tensor former = decrease;
      decrease = column_dots(residual_, scaled);
      direction.mul_(ratio(decrease, former, active, "preconditioner")).add_(scaled);
    }
  }

  [[nodiscard]] bool may_go_on() const {
    return products_ + 1 < options_.max_products && !gave_up_ &&
           (!options_.keep_going || options_.keep_going());
  }

  void watch_progress() {
    const double residual = relative_residuals().max().item<double>();
    if (residual < milestone_ / 2) {
      milestone_ = residual;
      milestone_products_ = products_;
    }
    gave_up_ = options_.patience > 0 && products_ - milestone_products_ >= options_.patience;
  }

  void apply(const at::Tensor& v) {
    op_(v, product_);
    ++products_;
  }

  at::Tensor preconditioned() {
    if (!options_.preconditioner) return residual_.clone();
    at::Tensor out = at::empty_like(residual_);
    options_.preconditioner(residual_, out);
    return out;
  }

  [[nodiscard]] at::Tensor relative_residuals() const {
    return at::where(norms_ > 0, residual_.norm(2, 0) / norms_, at::zeros_like(norms_));
  }

  [[nodiscard]] at::Tensor unsolved() const { return relative_residuals() > options_.tolerance; }

  const SymmetricOperator& op_;
  const ConjugateGradientOptions& options_;
  at::Tensor right_;  // (N, c), as the next three
  at::Tensor norms_;  // (c)
  at::Tensor solution_;
  at::Tensor residual_;
  at::Tensor product_;
  at::Tensor iterations_;  // (c)
  int products_ = 0;
  double milestone_ = 1;  // a relative residual, and when it was reached
  int milestone_products_ = 0;
  bool gave_up_ = false;
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
