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

struct LanczosOptions {
  /// In which the Lanczos vectors are kept: float32 halves their memory and leaves Ritz values
  /// accurate to 1e-7 of the largest. All sums are in float64.
  at::ScalarType basis = at::kDouble;

  /// False keeps two vectors in place of all: memory 3 N whatever the number of products. Converged
  /// eigenvalues then come back as copies, which share their weight among them.
  bool reorthogonalise = true;
};

/// The Lanczos process: Q M Q^T = T with orthonormal rows Q, the first of them `start` normalised,
/// and tridiagonal T. Full reorthogonalisation, so that the Ritz values hold to rounding. Products
/// allocate no tensor storage beyond what the operator does.
/// Cost of product k beside the operator's: three readings of the k vectors so far.
class Lanczos {
 public:
  /// @param start any vector but zero
  /// @param capacity the most vectors kept, and so of products without a restart
  /// @throws Error(numeric) for a start that is zero or not finite
  /// @throws Error(usage) for a basis of another type than float32 or float64
  Lanczos(SymmetricOperator op,
          const at::Tensor& start,
          int capacity,
          const LanczosOptions& options = {});

  /// Does `products` more products, or as many as the capacity and the Krylov space allow. False
  /// once neither allows another.
  /// @throws Error(numeric) where the operator gives a number that is not finite
  bool extend(int products);

  /// Begins anew from another vector, in the same memory.
  void reset(const at::Tensor& start);

  /// Keeps the vectors C Q (p, N) for orthonormal rows C (p, k) of eigenvectors of T, p < k, with
  /// their `values` (p) and forgets the others: a thick restart (Wu and Simon 2000). T is then
  /// diagonal in these, which are coupled to the next vector alone.
  void restart(const at::Tensor& values, const at::Tensor& coefficients);

  /// Once complete: goes on in the complement from what `start` has there, as if from the
  /// beginning, which finds further copies of an eigenvalue. False if the basis is full or the
  /// complement empty.
  bool renew(const at::Tensor& start);

  [[nodiscard]] int products() const { return products_; }

  /// How many vectors there are: as many as products until a restart.
  [[nodiscard]] int size() const { return static_cast<int>(diagonal_.size()); }
  [[nodiscard]] bool full() const { return size() == capacity_; }

  /// Whether the Krylov space is exhausted, so that Ritz values and quadrature are exact.
  [[nodiscard]] bool complete() const { return complete_; }

  /// The Lanczos vectors so far, one a row (k, N). @throws Error(usage) where they are not kept
  [[nodiscard]] at::Tensor basis() const;

  /// C Q (c, N) for C (c, k), in the type of the basis.
  [[nodiscard]] at::Tensor combine(const at::Tensor& coefficients) const;

  /// T (k, k).
  [[nodiscard]] at::Tensor projected() const;

  [[nodiscard]] const std::vector<double>& diagonal() const { return diagonal_; }

  /// As many as the diagonal; the last entry is the norm of the next residual.
  [[nodiscard]] const std::vector<double>& off_diagonal() const { return off_diagonal_; }

  [[nodiscard]] double start_norm() const { return start_norm_; }

 private:
  void begin(const at::Tensor& start);
  void step();
  [[nodiscard]] at::Tensor known() const;

  SymmetricOperator op_;
  LanczosOptions options_;
  int capacity_;
  at::Tensor next_;      // (N)
  at::Tensor product_;   // (N)
  at::Tensor basis_;     // (capacity, N), none without reorthogonalisation
  at::Tensor former_;    // (N), only without
  at::Tensor overlaps_;  // (capacity)
  std::vector<double> diagonal_;
  std::vector<double> off_diagonal_;
  std::vector<double> couplings_;  // of the vectors kept by a restart with the one after them
  double start_norm_ = 0;
  double scale_ = 0;
  int products_ = 0;
  bool complete_ = false;
};

/// Ritz values in ascending order, with |M v - theta v| for each and the squared first component of
/// its eigenvector, which is the weight of the Gauss quadrature below (of no meaning after a
/// restart).
struct RitzValues {
  std::vector<double> values;
  std::vector<double> residuals;
  std::vector<double> weights;
};
RitzValues ritz_values(const Lanczos& process);

/// Nodes and weights with sum_i w_i f(lambda_i) = start^T f(M) start, exact for polynomials f of
/// degree 2k - 1 (Golub and Meurant 1994). The weights sum to |start|^2. Not after a restart.
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
  std::function<bool()> keep_going;  ///< asked after each product; none: always
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

/// By Lanczos from a random vector. Where `keep_going` ends it early the answer is that of the
/// products so far, at least one.
ExtremeEigenvalues extreme_eigenvalues(const SymmetricOperator& op,
                                       std::int64_t size,
                                       const EigenOptions& options = {});

/// All eigenvalues of a dense symmetric matrix in ascending order, float64.
at::Tensor symmetric_eigenvalues(const at::Tensor& matrix);

}  // namespace overparam::linalg
