// SPDX-License-Identifier: Apache-2.0
// Linear systems with symmetric positive definite matrices: Cholesky where the matrix fits memory,
// preconditioned conjugate gradients where only its products are known.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/lanczos.hpp"

namespace overparam::linalg {

struct CholeskyOptions {
  double ridge = 0;              ///< added to the diagonal, absolute
  double largest_jitter = 1e-6;  ///< relative; where the ladder ends. 0 allows none
  bool in_place = false;         ///< overwrite the matrix, which must be of `type` and contiguous
  at::ScalarType type = at::kDouble;  ///< of the factor: float32 halves time and memory
};

/// L L^T = M + (ridge + jitter) I with lower triangular L. The jitter is the first of 0, 1e-12,
/// 1e-10, 1e-8, 1e-6, 1e-5, 1e-4 times the mean diagonal (of M with its ridge), up to the largest
/// allowed, with which every pivot is positive: a kernel matrix of nearly equal inputs is singular
/// to rounding. What was added is part of the result. Float32 starts its jitters at 1e-6.
///
/// Blocked and left-looking, in place over one triangle: L takes the lower triangle and M stays in
/// the strict upper one, so that another rung of the ladder needs no second copy. Time N^3 / 3 a
/// rung; memory N^2 numbers (none in place) and 2 N b of working space for blocks of b = 256.
class Cholesky {
 public:
  /// @param matrix symmetric (N, N), N >= 1; taken to `type` on the CPU
  /// @throws Error(usage) for another shape, a negative ridge, or a matrix of another kind than can
  /// be overwritten
  /// @throws Error(numeric) for entries that are not finite, or naming the jitters tried where all
  /// of them failed
  explicit Cholesky(const at::Tensor& matrix, const CholeskyOptions& options = {});

  /// The same, with nothing instead of the last of these errors.
  static std::optional<Cholesky> attempt(const at::Tensor& matrix,
                                         const CholeskyOptions& options = {});

  [[nodiscard]] std::int64_t size() const { return factor_.size(0); }
  [[nodiscard]] double ridge() const { return ridge_; }
  [[nodiscard]] double jitter() const { return relative_jitter_ * mean_diagonal_; }  ///< absolute
  [[nodiscard]] double relative_jitter() const { return relative_jitter_; }
  [[nodiscard]] double mean_diagonal() const { return mean_diagonal_; }  ///< of M + ridge I

  /// (L L^T)^-1 B for B (N) or (N, c). Time 2 N^2 c.
  [[nodiscard]] at::Tensor solve(const at::Tensor& right) const;

  /// L^-1 B for B (N) or (N, c), so that |L^-1 b|^2 = b^T (L L^T)^-1 b.
  [[nodiscard]] at::Tensor solve_lower(const at::Tensor& right) const;

  /// x <- L^-1 x, and x <- L^-T x, for x (N, c) contiguous in the factor's type.
  void divide_lower(at::Tensor& x) const;
  void divide_upper(at::Tensor& x) const;

  /// log det (L L^T)
  [[nodiscard]] double log_determinant() const;

  /// diag (L L^T)^-1, (N). Time N^3 / 3, memory N b.
  [[nodiscard]] at::Tensor inverse_diagonal() const;

  /// L (N, N) as a copy of its own.
  [[nodiscard]] at::Tensor lower() const;

 private:
  Cholesky() = default;
  bool climb(const CholeskyOptions& options);
  bool factorise(double shift);
  void restore();
  void forward(at::Tensor& x, std::int64_t first) const;
  void backward(at::Tensor& x) const;

  at::Tensor factor_;    // (N, N): L, and the matrix above its diagonal
  at::Tensor diagonal_;  // (N): the matrix's
  double ridge_ = 0;
  double mean_diagonal_ = 0;
  double relative_jitter_ = 0;
  std::string tried_;
};

/// What `Cholesky` takes beside the matrix it is given, for N rows.
base::MemoryPlan plan_cholesky(std::int64_t size, bool in_place);

/// The operator of a dense symmetric matrix (N, N), float64, for v and out (N) or (N, c).
SymmetricOperator dense_operator(const at::Tensor& matrix);

/// An operator that takes single vectors, made to take (N, c) one column at a time.
SymmetricOperator columnwise(SymmetricOperator op);

struct ConjugateGradientOptions {
  int max_products = 1000;           ///< with all right-hand sides at once
  double tolerance = 1e-10;          ///< of |b - M x| / |b|, for every right-hand side
  SymmetricOperator preconditioner;  ///< out = P^-1 v for (N, c); none: the identity
  /// An operator close to M and cheaper: iterations take it, and M itself is left to residuals,
  /// which are computed anew whenever they fell fivefold. Dropped where it proves not close enough.
  SymmetricOperator coarse;
  /// Give up when the largest residual has not halved over so many products; 0: never.
  int patience = 0;
  std::function<bool()> keep_going;  ///< asked before each product; none: always
};

struct ConjugateGradientResult {
  at::Tensor solution;            ///< shaped as the right-hand sides
  std::vector<int> iterations;    ///< for each right-hand side
  std::vector<double> residuals;  ///< |b - M x| / |b| for each, computed anew at the end
  at::Tensor remainder;           ///< b - M x, shaped as the right-hand sides
  int products = 0;
  bool converged = false;
};

/// Solves M X = B for B (N) or (N, c) by preconditioned conjugate gradients (Hestenes and Stiefel
/// 1952), each column with its own step, all in one product. The residual is computed anew whenever
/// its recursion claims convergence, and the iteration restarted where it was wrong.
/// Memory 5 N c, and N c more for several columns. Iterations allocate no tensor storage beyond
/// what the operator and the preconditioner do.
/// @throws Error(numeric) where the operator or the preconditioner proves not positive definite, or
/// a right-hand side's norm is not finite
ConjugateGradientResult conjugate_gradients(const SymmetricOperator& op,
                                            const at::Tensor& right,
                                            const ConjugateGradientOptions& options = {});

/// M ~ F F^T with F (N, k) from k columns of M.
struct PivotedCholesky {
  at::Tensor factor;                 ///< F (N, k)
  std::vector<std::int64_t> pivots;  ///< which columns, in their order
  double remaining_trace = 0;        ///< tr(M - F F^T) >= 0
};

/// Writes column j of M into `out` (N).
using ColumnFunction = std::function<void(std::int64_t column, at::Tensor& out)>;

/// Greedy: takes the column with the largest remaining diagonal, `rank` times or until the
/// remaining trace is below `tolerance` of the whole (Harbrecht, Peters, Schneider 2012). Reads
/// only those columns of M; time N k^2.
PivotedCholesky pivoted_cholesky(const at::Tensor& diagonal,
                                 const ColumnFunction& column,
                                 std::int64_t rank,
                                 double tolerance = 1e-14);

/// The same from a dense matrix (N, N).
PivotedCholesky pivoted_cholesky(const at::Tensor& matrix,
                                 std::int64_t rank,
                                 double tolerance = 1e-14);

/// P^-1 = (lambda_k + mu) U (Lambda + mu)^-1 U^T + I - U U^T with F F^T = U Lambda U^T: the large
/// eigenvalues of M + mu I are brought down to the k-th, the others stay (Frangella, Tropp, Udell
/// 2021). Memory N k, time 4 N k a vector.
SymmetricOperator nystrom_preconditioner(const PivotedCholesky& low_rank, double mu = 0);

}  // namespace overparam::linalg
