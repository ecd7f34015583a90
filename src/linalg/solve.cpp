// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/solve.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"
#include "thin_products.hpp"

namespace overparam::linalg {

namespace {

/// Wide enough for fast products, narrow enough that the diagonal blocks cost nothing.
constexpr std::int64_t kBlock = 256;

constexpr double kJitters[] = {0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4};

/// Less than this changes no float32 number.
constexpr double kFloatRounding = 6e-8;

std::int64_t width_at(std::int64_t first, std::int64_t size) {
  return std::min(kBlock, size - first);
}

/// matrix[rows, columns] as a view.
at::Tensor part(const at::Tensor& matrix,
                std::int64_t row,
                std::int64_t rows,
                std::int64_t column,
                std::int64_t columns) {
  return matrix.narrow(0, row, rows).narrow(1, column, columns);
}

at::Tensor working_copy(const at::Tensor& matrix, const CholeskyOptions& options) {
  base::require(matrix.dim() == 2 && matrix.size(0) == matrix.size(1) && matrix.size(0) > 0,
                ErrorKind::usage,
                "cholesky: expected a square matrix of one row or more, found shape ({})",
                fmt::join(matrix.sizes(), ", "));
  base::require(options.ridge >= 0,
                ErrorKind::usage,
                "cholesky: the ridge must not be negative, found {}",
                options.ridge);
  if (!options.in_place)
    return matrix.to(at::kCPU, options.type).clone(at::MemoryFormat::Contiguous);
  base::require(
      matrix.device().is_cpu() && matrix.scalar_type() == options.type && matrix.is_contiguous(),
      ErrorKind::usage,
      "cholesky: a matrix to be overwritten must be contiguous {} on the CPU",
      options.type == at::kFloat ? "float32" : "float64");
  return matrix;
}

}  // namespace

Cholesky::Cholesky(const at::Tensor& matrix, const CholeskyOptions& options)
    : factor_(working_copy(matrix, options)) {
  base::require(
      climb(options),
      ErrorKind::numeric,
      "cholesky: the matrix of {} rows and mean diagonal {:.3g} is not positive definite; "
      "tried jitters of {} times the mean diagonal",
      size(),
      mean_diagonal_,
      tried_);
}

std::optional<Cholesky> Cholesky::attempt(const at::Tensor& matrix,
                                          const CholeskyOptions& options) {
  Cholesky result;
  result.factor_ = working_copy(matrix, options);
  if (!result.climb(options)) return std::nullopt;
  return result;
}

/// Up the ladder until a factor exists.
bool Cholesky::climb(const CholeskyOptions& options) {
  diagonal_ = factor_.diagonal().clone();
  ridge_ = options.ridge;
  mean_diagonal_ = diagonal_.mean().item<double>() + ridge_;
  base::require(std::isfinite(factor_.sum().item<double>()),
                ErrorKind::numeric,
                "cholesky: the matrix holds a number that is not finite");
  for (const double jitter : kJitters) {
    if (jitter > options.largest_jitter) break;
    if (jitter > 0 && options.type == at::kFloat && jitter < kFloatRounding) continue;
    if (jitter > 0) restore();
    relative_jitter_ = jitter;
    tried_ += fmt::format("{}{:g}", tried_.empty() ? "" : ", ", jitter);
    if (factorise(ridge_ + this->jitter())) return true;
  }
  restore();
  return false;
}

/// Block columns from left to right: each is reduced by all before it in one product, then divided
/// by its diagonal block's factor. The strict upper triangle is never written.
bool Cholesky::factorise(double shift) {
  const std::int64_t n = size();
  factor_.diagonal().add_(shift);
  for (std::int64_t k = 0; k < n; k += kBlock) {
    const std::int64_t width = width_at(k, n);
    const std::int64_t rest = n - k - width;
    const at::Tensor row = part(factor_, k, width, 0, k);
    at::Tensor block = part(factor_, k, width, k, width).clone();
    multiply(block, row, row.t(), -1, 1);
    const auto [lower, info] = at::linalg_cholesky_ex(block);
    if (info.item<int>() != 0) return false;
    const at::Tensor above = part(factor_, k, width, k, width).triu(1);
    part(factor_, k, width, k, width).copy_(lower + above);
    if (rest == 0) break;
    at::Tensor below = part(factor_, k + width, rest, k, width);
    multiply(below, part(factor_, k + width, rest, 0, k), row.t(), -1, 1);
    below.copy_(at::linalg_solve_triangular(lower.t(), below, /*upper=*/true, /*left=*/false));
  }
  return true;
}

/// The matrix as it was given, from the triangle that was kept.
void Cholesky::restore() {
  const std::int64_t n = size();
  for (std::int64_t k = 0; k < n; k += kBlock) {
    const std::int64_t width = width_at(k, n);
    const std::int64_t rest = n - k - width;
    at::Tensor block = part(factor_, k, width, k, width);
    const at::Tensor above = block.triu(1);
    block.copy_(above + above.t());
    if (rest == 0) break;
    part(factor_, k + width, rest, k, width).copy_(part(factor_, k, width, k + width, rest).t());
  }
  factor_.diagonal().copy_(diagonal_);
}

namespace {

/// So few columns are divided by a diagonal block row by row, without a copy of either.
constexpr std::int64_t kThin = 32;

/// x <- L^-1 x for a block of L with rows `stride` apart and x (size, c).
template <typename T>
void substitute_forward(
    const T* lower, std::int64_t stride, std::int64_t size, T* x, std::int64_t c) {
  for (std::int64_t i = 0; i < size; ++i) {
    const T* row = lower + i * stride;
    T own[kThin];
    std::copy_n(x + i * c, c, own);
    for (std::int64_t k = 0; k < i; ++k) {
      for (std::int64_t j = 0; j < c; ++j) own[j] -= row[k] * x[k * c + j];
    }
    for (std::int64_t j = 0; j < c; ++j) x[i * c + j] = own[j] / row[i];
  }
}

/// x <- L^-T x
template <typename T>
void substitute_backward(
    const T* lower, std::int64_t stride, std::int64_t size, T* x, std::int64_t c) {
  for (std::int64_t i = size - 1; i >= 0; --i) {
    const T* row = lower + i * stride;
    T own[kThin];
    for (std::int64_t j = 0; j < c; ++j) own[j] = x[i * c + j] /= row[i];
    for (std::int64_t k = 0; k < i; ++k) {
      for (std::int64_t j = 0; j < c; ++j) x[k * c + j] -= row[k] * own[j];
    }
  }
}

/// Both for the rows of `block` (size, size) and `rows` (size, c) contiguous.
void substitute(const at::Tensor& block, at::Tensor& rows, bool transposed) {
  const auto run = [&]<typename T>(T) {
    const auto solve = transposed ? substitute_backward<T> : substitute_forward<T>;
    solve(block.data_ptr<T>(), block.stride(0), block.size(0), rows.data_ptr<T>(), rows.size(1));
  };
  block.scalar_type() == at::kFloat ? run(float{}) : run(double{});
}

}  // namespace

/// x <- L^-1 x, for an x that is zero above row `first`.
void Cholesky::forward(at::Tensor& x, std::int64_t first) const {
  const std::int64_t n = size();
  for (std::int64_t k = first; k < n; k += kBlock) {
    const std::int64_t width = width_at(k, n);
    at::Tensor rows = x.narrow(0, k, width);
    if (k > first) {
      multiply_thin(
          rows, part(factor_, k, width, first, k - first), x.narrow(0, first, k - first), -1, 1);
    }
    if (x.size(1) <= kThin) {
      substitute(part(factor_, k, width, k, width), rows, /*transposed=*/false);
      continue;
    }
    const at::Tensor lower = part(factor_, k, width, k, width).tril();
    if (x.size(1) <= kBlock) {
      rows.copy_(at::linalg_solve_triangular(lower, rows, /*upper=*/false));
      continue;
    }
    // Products run faster than solves, and the inverse costs less than one of many columns.
    const at::Tensor inverse =
        at::linalg_solve_triangular(lower, at::eye(width, lower.options()), /*upper=*/false);
    const at::Tensor former = rows.clone();
    multiply(rows, inverse, former);
  }
}

/// x <- L^-T x
void Cholesky::backward(at::Tensor& x) const {
  const std::int64_t n = size();
  for (std::int64_t k = (n - 1) / kBlock * kBlock; k >= 0; k -= kBlock) {
    const std::int64_t width = width_at(k, n);
    const std::int64_t rest = n - k - width;
    at::Tensor rows = x.narrow(0, k, width);
    if (rest > 0) {
      multiply_thin(
          rows, part(factor_, k + width, rest, k, width).t(), x.narrow(0, k + width, rest), -1, 1);
    }
    if (x.size(1) <= kThin) {
      substitute(part(factor_, k, width, k, width), rows, /*transposed=*/true);
      continue;
    }
    const at::Tensor lower = part(factor_, k, width, k, width).tril();
    rows.copy_(at::linalg_solve_triangular(lower.t(), rows, /*upper=*/true));
  }
}

namespace {

/// The right-hand sides as columns of a copy (N, c).
at::Tensor columns_of(const at::Tensor& right, const at::Tensor& factor, const char* where) {
  const std::int64_t size = factor.size(0);
  base::require((right.dim() == 1 || right.dim() == 2) && right.size(0) == size,
                ErrorKind::usage,
                "{}: expected right-hand sides of {} rows, found shape ({})",
                where,
                size,
                fmt::join(right.sizes(), ", "));
  return right.to(at::kCPU, factor.scalar_type())
      .reshape({size, -1})
      .clone(at::MemoryFormat::Contiguous);
}

}  // namespace

at::Tensor Cholesky::solve(const at::Tensor& right) const {
  at::Tensor x = columns_of(right, factor_, "cholesky");
  forward(x, 0);
  backward(x);
  return x.reshape(right.sizes()).to(at::kDouble);
}

at::Tensor Cholesky::solve_lower(const at::Tensor& right) const {
  at::Tensor x = columns_of(right, factor_, "cholesky");
  forward(x, 0);
  return x.reshape(right.sizes()).to(at::kDouble);
}

void Cholesky::divide_lower(at::Tensor& x) const { forward(x, 0); }

void Cholesky::divide_upper(at::Tensor& x) const { backward(x); }

double Cholesky::log_determinant() const {
  return 2 * factor_.diagonal().to(at::kDouble).log().sum().item<double>();
}

/// (L^-T L^-1)_jj = |L^-1 e_j|^2, a block of unit vectors at a time.
at::Tensor Cholesky::inverse_diagonal() const {
  const std::int64_t n = size();
  at::Tensor result = at::empty({n}, at::kDouble);
  for (std::int64_t k = 0; k < n; k += kBlock) {
    const std::int64_t width = width_at(k, n);
    at::Tensor x = at::zeros({n, width}, factor_.options());
    x.narrow(0, k, width).fill_diagonal_(1);
    forward(x, k);
    result.narrow(0, k, width).copy_(x.narrow(0, k, n - k).square_().sum(0));
  }
  return result;
}

at::Tensor Cholesky::lower() const { return factor_.tril(); }

base::MemoryPlan plan_cholesky(std::int64_t size, bool in_place) {
  base::MemoryPlan plan("Cholesky factor");
  if (!in_place) plan.add("factor", {size, size}, sizeof(double));
  plan.add("blocks", {2, size, kBlock}, sizeof(double));
  return plan;
}

}  // namespace overparam::linalg
