// SPDX-License-Identifier: Apache-2.0
// Eigenvalues of symmetric operators that are known only through their products with vectors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace overparam::linalg {

/// out = M v for vectors of one size, float64. `out` is allocated by the caller.
using SymmetricOperator = std::function<void(const at::Tensor& v, at::Tensor& out)>;

/// The Lanczos process: Q^T M Q = T with orthonormal Q whose first row is `start` normalised. Full
/// reorthogonalisation, so that the Ritz values hold to rounding. Products allocate no tensor
/// storage beyond what the operator does.
class Lanczos {
 public:
  /// @param start any vector but zero   @param capacity the most products that will be asked for
  Lanczos(SymmetricOperator op, const at::Tensor& start, int capacity);

  /// Does `products` more products, or as many as the capacity and the Krylov space allow. False
  /// once neither allows another.
  bool extend(int products);

  [[nodiscard]] int products() const { return static_cast<int>(diagonal_.size()); }

  /// Whether the Krylov space is exhausted, so that Ritz values and quadrature are exact.
  [[nodiscard]] bool complete() const { return complete_; }

  /// The Lanczos vectors so far, one a row (k, N).
  [[nodiscard]] at::Tensor basis() const;

  [[nodiscard]] const std::vector<double>& diagonal() const { return diagonal_; }

  /// As many as the diagonal; the last entry is the norm of the next residual.
  [[nodiscard]] const std::vector<double>& off_diagonal() const { return off_diagonal_; }

  [[nodiscard]] double start_norm() const { return start_norm_; }

 private:
  bool step();
  void orthogonalise();

  SymmetricOperator op_;
  at::Tensor basis_;     // (capacity, N)
  at::Tensor next_;      // (N)
  at::Tensor product_;   // (N)
  at::Tensor overlaps_;  // (capacity)
  at::Tensor scalar_;    // (1)
  std::vector<double> diagonal_;
  std::vector<double> off_diagonal_;
  double start_norm_ = 0;
  double scale_ = 0;
  bool complete_ = false;
};

/// Ritz values in ascending order, with |M v - theta v| for each and the squared first component of
/// its eigenvector, which is the weight of the Gauss quadrature below.
struct RitzValues {
  std::vector<double> values;
  std::vector<double> residuals;
  std::vector<double> weights;
};
RitzValues ritz_values(const Lanczos& process);

/// Nodes and weights with sum_i w_i f(lambda_i) = start^T f(M) start, exact for polynomials f of
/// degree 2k - 1 (Golub and Meurant 1994). The weights sum to |start|^2.
struct SpectralMeasure {
  std::vector<double> nodes;
  std::vector<double> weights;
};
SpectralMeasure spectral_measure(const Lanczos& process);

struct EigenOptions {
  int max_products = 200;
  double tolerance = 1e-6;  ///< of the residual, relative to the largest eigenvalue
  bool want_smallest = false;
  std::uint64_t seed = 0;
};

/// Ends of the spectrum, each with its residual norm: some eigenvalue lies that close to it.
struct ExtremeEigenvalues {
  double largest = 0;
  double largest_residual = 0;
  double smallest = 0;  ///< an upper bound on the least eigenvalue; only if asked for
  double smallest_residual = 0;
  int products = 0;
  bool converged = false;
};
ExtremeEigenvalues extreme_eigenvalues(const SymmetricOperator& op,
                                       std::int64_t size,
                                       const EigenOptions& options = {});

/// All eigenvalues of a dense symmetric matrix in ascending order, float64.
at::Tensor symmetric_eigenvalues(const at::Tensor& matrix);

}  // namespace overparam::linalg
