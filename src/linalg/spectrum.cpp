// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/spectrum.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "block_lanczos.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::linalg {

namespace {

bool use_dense(std::int64_t size, const SpectrumOptions& options) {
  return options.full || size <= options.dense_up_to;
}

/// Eigenpairs with what the matrix itself says of them.
struct Pairs {
  at::Tensor values;
  at::Tensor residuals;
  at::Tensor vectors;
};

/// Rayleigh quotients and residuals of orthonormal vectors (N, k).
Pairs examine(const at::Tensor& matrix, const at::Tensor& vectors) {
  at::Tensor images = at::empty(vectors.sizes(), at::kDouble);
  multiply(images, matrix, vectors);
  const at::Tensor values = (vectors * images).sum(0);
  return {values, images.addcmul_(vectors, values, -1).norm(2, 0), vectors};
}

/// Lanczos orders pairs by its own operator; rounding may see them otherwise in the matrix.
Pairs sorted(const Pairs& pairs, bool descending) {
  const at::Tensor order = pairs.values.argsort(0, descending);
  return {pairs.values.index_select(0, order),
          pairs.residuals.index_select(0, order),
          pairs.vectors.index_select(1, order)};
}

void report(Spectrum& result, Pairs top, Pairs bottom, std::int64_t n, bool vectors) {
  result.top = top.values;
  result.bottom = bottom.values;
  result.top_residuals = top.residuals;
  result.bottom_residuals = bottom.residuals;
  if (vectors) {
    result.top_vectors = top.vectors;
    result.bottom_vectors = bottom.vectors;
  }
  if (top.values.numel() == 0 || bottom.values.numel() == 0) return;
  const double largest = top.values[0].item<double>();
  const double smallest = bottom.values[0].item<double>();
  result.condition = smallest > 0 ? largest / smallest : std::numeric_limits<double>::infinity();
  result.singular =
      smallest <= static_cast<double>(n) * std::numeric_limits<double>::epsilon() * largest;
}

Spectrum dense_spectrum(const at::Tensor& matrix, const SpectrumOptions& options) {
  const std::int64_t n = matrix.size(0);
  const auto [values, vectors] = at::linalg_eigh(matrix);
  const auto pairs = [&](const at::Tensor& chosen, const at::Tensor& columns) {
    at::Tensor residual = at::empty(columns.sizes(), at::kDouble);
    multiply(residual, matrix, columns);
    return Pairs{chosen, residual.addcmul_(columns, chosen, -1).norm(2, 0), columns};
  };
  Spectrum result{.all = values, .method = "dense eigen-solver"};
  report(result,
         pairs(values.narrow(0, n - options.top, options.top).flip(0),
               vectors.narrow(1, n - options.top, options.top).flip(1)),
         pairs(values.narrow(0, 0, options.bottom), vectors.narrow(1, 0, options.bottom).clone()),
         n,
         options.vectors);
  return result;
}

BlockLanczosOptions lanczos_options(std::int64_t count, const SpectrumOptions& options) {
  return {.count = count,
          .block = std::max<std::int64_t>(1, count),  // as many copies of one eigenvalue
          .max_basis = std::max(options.max_basis, 4 * count),
          .tolerance = options.tolerance,
          .seed = options.seed};
}

Spectrum lanczos_spectrum(const at::Tensor& matrix,
                          const Cholesky* factor,
                          const SpectrumOptions& options) {
  const std::int64_t n = matrix.size(0);
  Spectrum result{.method = "block Lanczos on the matrix"};
  const auto largest = [&](const SymmetricOperator& op, std::int64_t count) {
    if (count == 0) return at::empty({n, 0}, at::kDouble);
    const auto pairs = largest_ritz_pairs(op, n, lanczos_options(count, options));
    result.converged = result.converged && pairs.converged;
    return pairs.vectors;
  };
  const auto smallest = [&] {
    if (factor == nullptr) {
      result.method += ", and on its negative, because it has no Cholesky factor";
      return largest([&](const auto& v, auto& out) { multiply(out, matrix, v, -1); },
                     options.bottom);
    }
    result.method += ", and on the inverse of its Cholesky factor";
    if (factor->ridge() > 0) {
      result.method += fmt::format(" with the ridge {:.3g} in it", factor->ridge());
    }
    result.jitter = factor->relative_jitter();
    if (result.jitter > 0) {
      result.method += fmt::format(
          " shifted by {:g} of the mean diagonal, because it has none unshifted", result.jitter);
    }
    return largest([&](const auto& v, auto& out) { out.copy_(factor->solve(v)); }, options.bottom);
  };
  const at::Tensor top = largest(dense_operator(matrix), options.top);
  const at::Tensor bottom = options.bottom > 0 ? smallest() : at::empty({n, 0}, at::kDouble);
  report(result,
         sorted(examine(matrix, top), true),
         sorted(examine(matrix, bottom), false),
         n,
         options.vectors);
  return result;
}

void check(const at::Tensor& matrix, const SpectrumOptions& options) {
  base::require(matrix.dim() == 2 && matrix.size(0) == matrix.size(1) && matrix.size(0) > 0,
                ErrorKind::usage,
                "spectrum: expected a square matrix of one row or more, found shape ({})",
                fmt::join(matrix.sizes(), ", "));
  base::require(matrix.device().is_cpu() && matrix.scalar_type() == at::kDouble,
                ErrorKind::usage,
                "spectrum: expected a float64 matrix on the CPU");
  base::require(std::min(options.top, options.bottom) >= 0 &&
                    std::max(options.top, options.bottom) <= matrix.size(0),
                ErrorKind::usage,
                "spectrum: expected 0 to {} eigenvalues of either end, found {} and {}",
                matrix.size(0),
                options.top,
                options.bottom);
  base::require(std::isfinite(matrix.sum().item<double>()),
                ErrorKind::numeric,
                "spectrum: the matrix holds a number that is not finite");
}

}  // namespace

Spectrum spectrum(const at::Tensor& matrix, const SpectrumOptions& options) {
  check(matrix, options);
  if (use_dense(matrix.size(0), options)) return dense_spectrum(matrix, options);
  if (options.bottom == 0) return lanczos_spectrum(matrix, nullptr, options);
  const auto factor = Cholesky::attempt(matrix);
  return lanczos_spectrum(matrix, factor ? &*factor : nullptr, options);
}

Spectrum spectrum(const at::Tensor& matrix,
                  const Cholesky& factor,
                  const SpectrumOptions& options) {
  check(matrix, options);
  base::require(factor.size() == matrix.size(0),
                ErrorKind::usage,
                "spectrum: the matrix has {} rows, its factor {}",
                matrix.size(0),
                factor.size());
  return use_dense(matrix.size(0), options) ? dense_spectrum(matrix, options)
                                            : lanczos_spectrum(matrix, &factor, options);
}

base::MemoryPlan plan_spectrum(std::int64_t size, const SpectrumOptions& options) {
  constexpr std::uint64_t kNumber = sizeof(double);
  base::MemoryPlan plan("spectrum");
  if (use_dense(size, options)) {
    plan.add("eigenvectors", {size, size}, kNumber);
    plan.add("the eigen-solver's working space", {2, size, size}, kNumber);
    plan.add("residuals", {2, std::max(options.top, options.bottom), size}, kNumber);
    return plan;
  }
  plan.add("Cholesky factor", plan_cholesky(size, false).total());
  const auto lanczos = lanczos_options(std::max(options.top, options.bottom), options);
  plan.add("Lanczos vectors", {2, std::min(lanczos.max_basis, size), size}, kNumber);
  plan.add("blocks", {4, lanczos.block, size}, kNumber);
  return plan;
}

}  // namespace overparam::linalg
