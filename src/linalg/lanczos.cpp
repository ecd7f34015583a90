// SPDX-License-Identifier: Apache-2.0
#include "overparam/linalg/lanczos.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "orthonormal_rows.hpp"
#include "overparam/base/random.hpp"
#include "overparam/base/require.hpp"

namespace overparam::linalg {

namespace {

at::Tensor random_start(std::int64_t size, std::uint64_t seed) {
  at::Tensor start = at::empty({size}, at::kDouble);
  base::fill_normal(start, 1, base::Stream(seed, "lanczos start"));
  return start;
}

}  // namespace

Lanczos::Lanczos(SymmetricOperator op,
                 const at::Tensor& start,
                 int capacity,
                 const LanczosOptions& options)
    : op_(std::move(op)),
      options_(options),
      capacity_(static_cast<int>(std::min<std::int64_t>(capacity, start.numel()))),
      next_(at::empty({start.numel()}, at::kDouble)),
      product_(at::empty_like(next_)) {
  base::require(options.basis == at::kDouble || options.basis == at::kFloat,
                ErrorKind::usage,
                "lanczos: the basis can be kept in float32 or float64, found {}",
                c10::toString(options.basis));
  if (options.reorthogonalise) {
    basis_ = at::empty({capacity_, next_.numel()}, options.basis);
    overlaps_ = at::empty({capacity_}, at::kDouble);
  } else {
    former_ = at::empty_like(next_);
  }
  begin(start);
}

void Lanczos::begin(const at::Tensor& start) {
  next_.copy_(start.reshape({-1}));
  start_norm_ = std::sqrt(sum_of_products(next_, next_));
  base::require(std::isfinite(start_norm_) && start_norm_ > 0,
                ErrorKind::numeric,
                "lanczos: the start vector has norm {}",
                start_norm_);
  next_.div_(start_norm_);
}

void Lanczos::reset(const at::Tensor& start) {
  begin(start);
  diagonal_.clear();
  off_diagonal_.clear();
  couplings_.clear();
  scale_ = 0;
  products_ = 0;
  complete_ = false;
}

bool Lanczos::extend(int products) {
  for (int i = 0; i < products && !complete_ && !full(); ++i) step();
  return !complete_ && !full();
}

at::Tensor Lanczos::known() const { return basis_.narrow(0, 0, size()); }

at::Tensor Lanczos::basis() const {
  base::require(basis_.defined(),
                ErrorKind::usage,
                "lanczos: without reorthogonalisation the vectors are not kept");
  return known();
}

void Lanczos::step() {
  if (basis_.defined()) {
    at::Tensor row = basis_[size()];
    row.copy_(next_);
    // The operator takes what the basis holds: T is its projection, whatever was rounded.
    if (options_.basis != at::kDouble) next_.copy_(row);
  }
  op_(next_, product_);
  ++products_;
  if (!basis_.defined() && !off_diagonal_.empty()) {
    add_multiple(product_, former_, -off_diagonal_.back());
  }
  diagonal_.push_back(sum_of_products(next_, product_));
  scale_ = std::max(scale_, std::abs(diagonal_.back()));
  double residual = 0;
  if (basis_.defined()) {
    residual = orthonormalise(product_, known(), overlaps_, scale_);
  } else {
    add_multiple(product_, next_, -diagonal_.back());
    residual = normalise(product_, scale_);
    std::swap(former_, next_);
  }
  base::require(std::isfinite(residual),
                ErrorKind::numeric,
                "lanczos: the operator gave a number that is not finite");
  off_diagonal_.push_back(residual);
  scale_ = std::max(scale_, residual);
  complete_ = residual == 0 || (basis_.defined() && size() == next_.numel());
  std::swap(next_, product_);
}

void Lanczos::restart(const at::Tensor& values, const at::Tensor& coefficients) {
  const std::int64_t kept = coefficients.size(0);
  base::ensure(
      basis_.defined() && kept < size() && coefficients.size(1) == size() && values.numel() == kept,
      "lanczos: a restart keeps fewer vectors than there are");
  at::Tensor rows = basis_.narrow(0, 0, kept);
  combine_rows(rows, coefficients, known());
  const double residual = off_diagonal_.back();
  const at::Tensor last = coefficients.select(1, size() - 1);
  diagonal_.clear();
  couplings_.clear();
  for (std::int64_t i = 0; i < kept; ++i) {
    diagonal_.push_back(values[i].item<double>());
    couplings_.push_back(residual * last[i].item<double>());
  }
  off_diagonal_.assign(static_cast<std::size_t>(kept), 0.0);
}

bool Lanczos::renew(const at::Tensor& start) {
  base::ensure(complete_ && basis_.defined(), "lanczos: renewed before its space was exhausted");
  if (full() || size() == next_.numel()) return false;
  next_.copy_(start.reshape({-1}));
  const double norm = std::sqrt(sum_of_products(next_, next_));
  if (orthonormalise(next_, known(), overlaps_, norm) == 0) return false;
  off_diagonal_.back() = 0;
  complete_ = false;
  return true;
}

at::Tensor Lanczos::combine(const at::Tensor& coefficients) const {
  at::Tensor result = at::empty({coefficients.size(0), next_.numel()}, options_.basis);
  combine_rows(result, coefficients, basis());
  return result;
}

at::Tensor Lanczos::projected() const {
  at::Tensor matrix = at::zeros({size(), size()}, at::kDouble);
  auto entries = matrix.accessor<double, 2>();
  const auto kept = static_cast<std::int64_t>(couplings_.size());
  for (std::int64_t i = 0; i < size(); ++i) {
    entries[i][i] = diagonal_[static_cast<std::size_t>(i)];
    if (i + 1 < size()) {
      entries[i + 1][i] = entries[i][i + 1] = off_diagonal_[static_cast<std::size_t>(i)];
    }
  }
  for (std::int64_t i = 0; i < kept && kept < size(); ++i) {
    entries[kept][i] = entries[i][kept] = couplings_[static_cast<std::size_t>(i)];
  }
  return matrix;
}

RitzValues ritz_values(const Lanczos& process) {
  const std::int64_t size = process.size();
  const auto [values, vectors] = at::linalg_eigh(process.projected());
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
  base::ensure(process.products() == process.size(), "spectral measure: the process was restarted");
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
    for (int i = 0; i < kProductsBetweenChecks && running; ++i) {
      running = process.extend(1) && (!options.keep_going || options.keep_going());
    }
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
