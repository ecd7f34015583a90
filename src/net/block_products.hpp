// SPDX-License-Identifier: Apache-2.0
// The three products of a block, for rows (n * positions, columns) of whole samples. A block with
// own filters for every position multiplies the rows of each position by its own matrix.
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/linalg/products.hpp"
#include "overparam/net/architecture.hpp"

namespace overparam::net {

/// (n * positions, c) as (positions, n, c)
inline at::Tensor by_position(const at::Tensor& rows, std::int64_t positions) {
  const std::int64_t n = rows.size(0) / positions;
  return rows.unflatten(0, {n, positions}).transpose(0, 1);
}

/// (positions * m, c) as (positions, m, c)
inline at::Tensor filters(const at::Tensor& weights, const Block& block) {
  return weights.view({block.positions, block.rows / block.positions, block.columns});
}

/// out = gain Z W^T + beta out, (n * positions, m)
inline void apply_block(const Block& block,
                        const at::Tensor& weights,
                        const at::Tensor& z,
                        at::Tensor& out,
                        double gain,
                        double beta) {
  if (block.positions == 1) {
    linalg::multiply(out, z, weights.t(), gain, beta);
    return;
  }
  at::Tensor result = by_position(out, block.positions);
  linalg::multiply_batched(
      result, by_position(z, block.positions), filters(weights, block).transpose(1, 2), gain, beta);
}

/// out = gain delta W + beta out, (n * positions, columns)
inline void apply_block_transposed(const Block& block,
                                   const at::Tensor& weights,
                                   const at::Tensor& delta,
                                   at::Tensor& out,
                                   double gain,
                                   double beta) {
  if (block.positions == 1) {
    linalg::multiply(out, delta, weights, gain, beta);
    return;
  }
  at::Tensor result = by_position(out, block.positions);
  linalg::multiply_batched(
      result, by_position(delta, block.positions), filters(weights, block), gain, beta);
}

/// into = alpha delta^T Z + beta into, (rows, columns)
inline void add_block_gradient(const Block& block,
                               const at::Tensor& delta,
                               const at::Tensor& z,
                               at::Tensor& into,
                               double alpha,
                               double beta) {
  if (block.positions == 1) {
    linalg::multiply(into, delta.t(), z, alpha, beta);
    return;
  }
  at::Tensor result = filters(into, block);
  linalg::multiply_batched(result,
                           by_position(delta, block.positions).transpose(1, 2),
                           by_position(z, block.positions),
                           alpha,
                           beta);
}

}  // namespace overparam::net
