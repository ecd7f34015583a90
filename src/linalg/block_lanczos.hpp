// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "overparam/linalg/lanczos.hpp"

namespace overparam::linalg {

struct BlockLanczosOptions {
  std::int64_t count = 1;        ///< how many of the largest eigenvalues
  std::int64_t block = 1;        ///< vectors a product; copies of one eigenvalue it can tell apart
  std::int64_t max_basis = 600;  ///< vectors kept
  double tolerance = 1e-8;       ///< of |M v - theta v|, relative to the largest |theta|
  std::uint64_t seed = 0;
};

struct RitzPairs {
  at::Tensor values;   // (count), descending
  at::Tensor vectors;  // (N, count), orthonormal
  bool converged = false;
};

/// The largest eigenvalues of an operator that takes (N, block), by Rayleigh and Ritz on the block
/// Krylov space of random vectors. Full reorthogonalisation; 2 max_basis N numbers of memory.
RitzPairs largest_ritz_pairs(const SymmetricOperator& op,
                             std::int64_t size,
                             const BlockLanczosOptions& options);

}  // namespace overparam::linalg
