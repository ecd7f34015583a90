// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace overparam::net {

/// rows[(i, p), (k, c)] = source[i, (neighbours[p, k], c)].
/// @param source (n, cells * channels)
/// @param neighbours (positions, q) int64
/// @param rows (n * positions, q * channels), contiguous
void cut_patches(const at::Tensor& source,
                 const at::Tensor& neighbours,
                 std::int64_t cells,
                 at::Tensor& rows);

/// The transpose: target[i, (neighbours[p, k], c)] += rows[(i, p), (k, c)].
void add_patches(const at::Tensor& rows,
                 const at::Tensor& neighbours,
                 std::int64_t cells,
                 at::Tensor& target);

}  // namespace overparam::net
