// SPDX-License-Identifier: Apache-2.0
// A few eigenpairs at the ends of the spectrum of an operator that is known through its products,
// each with what one more product says of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/linalg/lanczos.hpp"

namespace overparam::linalg {

struct EigenpairOptions {
  int smallest = 1;                  ///< how many of the least (the most negative) eigenvalues
  int largest = 0;                   ///< how many of the greatest
  int max_products = 100;            ///< of the recurrence; the checks take one more a pair
  double tolerance = 1e-2;           ///< of the claimed residual, relative to |theta| of each pair
  at::Tensor start;                  ///< (N) or (p, N), whose rows are added up; none: random
  std::uint64_t seed = 0;            ///< of a random start
  std::function<bool()> keep_going;  ///< asked before each product; none: always
  at::ScalarType basis = at::kDouble;  ///< float32 halves the memory of basis and vectors
  int max_basis = 0;  ///< vectors kept; when there are so many, restart. 0: `max_products`
};

/// theta with a unit vector v. Some eigenvalue lies within |M v - theta v| of theta if M is linear
/// and symmetric.
struct Eigenpair {
  double value = 0;              ///< theta, the Ritz value
  double claimed_residual = 0;   ///< |M v - theta v| / |theta|, as the recurrence has it
  double rayleigh_quotient = 0;  ///< rho = v^T M v, from one more product
  double residual = 0;           ///< |M v - rho v| / |rho|, from the same; NaN if not computed
};

struct Eigenpairs {
  std::vector<Eigenpair> smallest;  ///< ascending
  std::vector<Eigenpair> largest;   ///< descending
  at::Tensor vectors;  ///< (k, N) orthonormal rows, in the type of the basis: `smallest` first
  int products = 0;    ///< of the recurrence
  int checks = 0;      ///< products behind `rayleigh_quotient` and `residual`
  /// Whether every claimed residual is within the tolerance, and no copies are left to look for.
  bool converged = false;
};

/// Eigenpairs by Lanczos with full reorthogonalisation (Parlett, "The Symmetric Eigenvalue
/// Problem", chapter 13), restarted from its Ritz vectors where the basis is full (thick restart,
/// Wu and Simon 2000). Stops when |beta_k s_ki| <= tolerance |theta_i| for every wanted pair.
///
/// That residual is the recurrence's own and assumes a linear, symmetric M. Differences of
/// gradients of a ReLU network, and estimates from samples, are neither: then only `residual` tells
/// how near a pair is to one of M, and may be large where `claimed_residual` is small.
///
/// One start finds one vector of each eigenvalue. Further copies are looked for once the Krylov
/// space is exhausted, as it is early if M has few distinct eigenvalues. A start finds nothing that
/// it is orthogonal to; a warm one may be so, nearly.
///
/// Fewer pairs than wanted come back where `keep_going` ends the work before there are as many.
/// Cost: products, and 3 k N numbers read in product k; memory as `plan_eigenpairs` says.
/// @throws Error(usage) for more pairs than N, or a basis or a budget too small for them, or a
/// start of another size
/// @throws Error(numeric) where the start is zero, or the operator gives a number that is not
/// finite
Eigenpairs eigenpairs(const SymmetricOperator& op,
                      std::int64_t size,
                      const EigenpairOptions& options = {});

/// What `eigenpairs` takes for N = `size`, beside what the operator does.
base::MemoryPlan plan_eigenpairs(std::int64_t size, const EigenpairOptions& options = {});

}  // namespace overparam::linalg
