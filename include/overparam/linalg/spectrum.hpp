// SPDX-License-Identifier: Apache-2.0
// Eigenvalues of a dense symmetric positive semi-definite matrix, with evidence for each.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/solve.hpp"

namespace overparam::linalg {

struct SpectrumOptions {
  std::int64_t top = 1;             ///< how many of the largest eigenvalues
  std::int64_t bottom = 1;          ///< how many of the smallest
  bool full = false;                ///< all of them, by the dense eigen-solver
  bool vectors = false;             ///< keep the reported pairs' eigenvectors
  std::int64_t dense_up_to = 1500;  ///< rows up to which the dense eigen-solver is used anyway
  std::int64_t max_basis = 600;     ///< Lanczos vectors kept for either end
  double tolerance = 1e-7;          ///< of Lanczos' residual, relative to its operator's norm
  std::uint64_t seed = 0;
};

/// The top pairs come in descending, the bottom pairs in ascending order.
struct Spectrum {
  at::Tensor top;               ///< (top)
  at::Tensor bottom;            ///< (bottom)
  at::Tensor top_residuals;     ///< |M v - lambda v|: an eigenvalue lies that close to lambda
  at::Tensor bottom_residuals;  ///< as many; both computed anew from the matrix
  at::Tensor top_vectors;       ///< (N, top), orthonormal; only if asked for
  at::Tensor bottom_vectors;    ///< (N, bottom)
  at::Tensor all;               ///< (N) ascending; only from the dense eigen-solver
  double condition = 0;   ///< largest / smallest, infinite if that is not above 0; needs both ends
  double jitter = 0;      ///< relative; with which the inverse behind `bottom` was taken
  bool singular = false;  ///< smallest <= N 2^-52 largest: zero, as far as float64 can tell
  bool converged = true;  ///< whether Lanczos reached its tolerance at both ends
  std::string method;     ///< in words
};

/// Up to `dense_up_to` rows, or if all are asked for, the dense eigen-solver, time about 9 N^3.
/// Beyond, block Lanczos: on the matrix for the largest, and on (L L^T)^-1 with its Cholesky factor
/// for the smallest, time N^3 / 3 + 2 N^2 a vector. Where Cholesky needs a jitter the inverse is of
/// the shifted matrix, whose eigenvectors are the same; where no jitter serves, the matrix is not
/// positive semi-definite and Lanczos on its negative finds the smallest. `method` says which. An
/// eigenvalue is the Rayleigh quotient of its vector with the matrix itself, so no jitter is in it.
/// One of higher multiplicity is found as often as was asked for.
/// @param matrix symmetric (N, N), float64 on the CPU
/// @throws Error(usage) for another shape or for more eigenvalues than there are
/// @throws Error(numeric) for entries that are not finite
Spectrum spectrum(const at::Tensor& matrix, const SpectrumOptions& options = {});

/// The same with a factor that is there already, of this matrix; a ridge in it only slows Lanczos.
Spectrum spectrum(const at::Tensor& matrix,
                  const Cholesky& factor,
                  const SpectrumOptions& options = {});

/// What `spectrum` takes beside the matrix, for N rows.
base::MemoryPlan plan_spectrum(std::int64_t size, const SpectrumOptions& options = {});

}  // namespace overparam::linalg
