// SPDX-License-Identifier: Apache-2.0
// What the mean feature makes of the tangent kernel. Features after a ReLU are positive, so that
// most of <Z_i, Z_j> comes from their mean: 74 to 78 % on digits at m = 1,024. Split at a unit
// vector v_k in what each trained block k reads,
//
//     K = U U^T + K',     U[(i,a), (k,r)] = sum_c d y_a(x_i) / dW_k[r,c] v_k[c],
//
// exactly, for any v. U has only as many columns R as the trained blocks have rows: a network of
// depth L and width m resolves n d outputs through its mean features with rank L m. K' sums over
// the many other directions of features and is close to its mean over outputs, K'^ (x) I_d. K as a
// whole is not as soon as n d exceeds L m: K^ (x) I_d spreads over n d directions what U U^T has in
// R of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "overparam/net/network.hpp"

namespace overparam::kernel {

/// Columns of U, R in all: the rows of the trained blocks.
struct DerivativeColumns {
  std::int64_t own = 0;
  std::int64_t shared = 0;  ///< of blocks whose outputs are told apart by the read-out alone
};

DerivativeColumns derivative_columns(const net::Architecture& architecture);

/// For each block the mean over samples, positions and uses of what it reads, normalised to length
/// one: (columns); undefined where the block is frozen or the mean is zero. From the first 256
/// samples.
std::vector<at::Tensor> mean_features(const net::Network& network,
                                      const at::Tensor& inputs,
                                      net::Workspace& workspace);

/// U in the network's type, zero for blocks without a direction. Below the read-out B a derivative
/// is s B_a phi'(g) <z, v>: one pattern for all outputs.
struct DerivativesAlong {
  at::Tensor own;       ///< (n, d, R_own)
  at::Tensor patterns;  ///< (n, R_shared)
  at::Tensor read_out;  ///< (d, R_shared): U[(i,a), k] = patterns[i,k] read_out[a,k]

  /// U (n d, R), the own columns first
  [[nodiscard]] at::Tensor whole() const;
};

/// Takes a backward pass for each output.
DerivativesAlong derivatives_along(const net::Network& network,
                                   const at::Tensor& inputs,
                                   const std::vector<at::Tensor>& directions,
                                   net::Workspace& workspace);

/// Floating-point operations of that.
double operations_of_derivatives(const net::Architecture& architecture, std::int64_t n);

}  // namespace overparam::kernel
