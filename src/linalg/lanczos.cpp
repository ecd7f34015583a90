// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/lanczos.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"
#include "overparam/linalg/products.hpp"
#include "thin_products.hpp"

namespace overparam::linalg {

namespace {

at::Tensor random_start(std::int64_t size, std::uint64_t seed) {
  at::Tensor start = at::empty({size}, at::kDouble);
  base::fill_normal(start, 1, base::Stream(seed, "lanczos start"));
  return start;
}

}  // namespace

Lanczos::Lanczos(SymmetricOperator op, const at::Tensor& start, int capacity)
    : op_(std::move(op)),
      basis_(
          at::empty({std::min<std::int64_t>(capacity, start.numel()), start.numel()}, at::kDouble)),
      next_(start.to(at::kCPU, at::kDouble).reshape({-1}).clone()),
      product_(at::empty_like(next_)),
      overlaps_(at::empty({basis_.size(0)}, at::kDouble)),
      scalar_(at::empty({1}, at::kDouble)),
      start_norm_(next_.norm().item<double>()) {
  base::require(std::isfinite(start_norm_) && start_norm_ > 0,
                ErrorKind::numeric,
                "lanczos: the start vector has norm {}",
                start_norm_);
  next_.div_(start_norm_);
}

bool Lanczos::extend(int products) {
  bool running = !complete_ && this->products() < basis_.size(0);
  for (int i = 0; i < products && running; ++i) running = step();
  return running;
}

at::Tensor Lanczos::basis() const { return basis_.narrow(0, 0, products()); }

/// One product. False if it was the last.
bool Lanczos::step() {
  basis_[products()].copy_(next_);
  op_(next_, product_);
  diagonal_.push_back(dot(next_, product_, scalar_));
  orthogonalise();
  const double residual = std::sqrt(dot(product_, product_, scalar_));
  base::require(std::isfinite(residual),
                ErrorKind::numeric,
                "lanczos: the operator gave a number that is not finite");
  off_diagonal_.push_back(residual);
  scale_ = std::max({scale_, std::abs(diagonal_.back()), residual});
  complete_ = residual <= 1e-14 * scale_ || products() == next_.numel();
  if (complete_ || products() == basis_.size(0)) return false;
  scalar_.fill_(residual);
  at::div_out(next_, product_, scalar_);
  return true;
}

/// Twice is enough (Parlett, "The Symmetric Eigenvalue Problem", section 6.9).
void Lanczos::orthogonalise() {
  const at::Tensor known = basis();  // (k, N)
  at::Tensor overlaps = overlaps_.narrow(0, 0, known.size(0));
  for (int pass = 0; pass < 2; ++pass) {
    multiply(overlaps, known, product_);
    multiply(product_, known.t(), overlaps, -1, 1);
  }
}

RitzValues ritz_values(const Lanczos& process) {
  const std::int64_t size = process.products();
  at::Tensor matrix = at::zeros({size, size}, at::kDouble);
  auto entries = matrix.accessor<double, 2>();
  for (std::int64_t i = 0; i < size; ++i) {
    entries[i][i] = process.diagonal()[static_cast<std::size_t>(i)];
    if (i + 1 < size) {
      entries[i + 1][i] = entries[i][i + 1] = process.off_diagonal()[static_cast<std::size_t>(i)];
    }
  }
  const auto [values, vectors] = at::linalg_eigh(matrix);
  const auto value = values.accessor<double, 1>();
  const auto vector = vectors.accessor<double, 2>();
  RitzValues result;
  for (std::int64_t i = 0; i < size; ++i) {
    result.values.push_back(value[i]);
    result.residuals.push_back(std::abs(vector[size - 1][i]) * process.off_diagonal().back());
    result.weights.push_back(vector[0][i] * vector[0][i]);
  }
  return result;
}

SpectralMeasure spectral_measure(const Lanczos& process) {
  const RitzValues ritz = ritz_values(process);
  SpectralMeasure measure{ritz.values, ritz.weights};
  for (double& weight : measure.weights) weight *= process.start_norm() * process.start_norm();
  return measure;
}

ExtremeEigenvalues extreme_eigenvalues(const SymmetricOperator& op,
                                       std::int64_t size,
                                       const EigenOptions& options) {
  constexpr int kProductsBetweenChecks = 5;
  Lanczos process(op, random_start(size, options.seed), options.max_products);
  ExtremeEigenvalues result;
  bool running = true;
  while (running && !result.converged) {
    running = process.extend(kProductsBetweenChecks);
    const RitzValues ritz = ritz_values(process);
    result.products = process.products();
    result.largest = ritz.values.back();
    result.largest_residual = ritz.residuals.back();
    result.smallest = ritz.values.front();
    result.smallest_residual = ritz.residuals.front();
    const double allowed = options.tolerance * std::abs(result.largest);
    result.converged = result.largest_residual <= allowed &&
                       (!options.want_smallest || result.smallest_residual <= allowed);
  }
  return result;
}

at::Tensor symmetric_eigenvalues(const at::Tensor& matrix) {
  return at::linalg_eigvalsh(matrix.to(at::kCPU, at::kDouble));
}

}  // namespace overparam::linalg
