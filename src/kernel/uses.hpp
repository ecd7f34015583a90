// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "overparam/net/network.hpp"

namespace overparam::kernel {

/// What one use of a block left in a backward pass.
struct UseRecord {
  net::Use use;
  at::Tensor delta;        ///< (n * positions, channels) or (c, n * positions, channels)
  net::Gathered gathered;  ///< Z (n * positions, columns)
};

/// Runs a backward pass and calls `on_block` once for each trained block, with all of its uses
/// together. Only shared blocks cost a copy of their deltas.
void backward_by_block(const net::Network& network,
                       const net::Tape& tape,
                       const at::Tensor& cotangent,
                       net::Workspace& workspace,
                       const std::function<void(std::span<const UseRecord>)>& on_block);

/// The dense term of an identity read-out that alone reads this layer, the whole of it: then
/// delta^a = s B_a * phi'(g), one pattern for all outputs.
std::optional<net::Term> only_read_out(const net::Architecture& architecture, int layer);

/// phi'(g) of a layer, (n, m)
linalg::Scratch slopes_of(const net::Network& network,
                          const net::Tape& tape,
                          int layer,
                          net::Workspace& workspace);

/// |s B_.k| * phi'(g), (n, m), for a layer that has one: its Gram is that of the deltas, summed
/// over all outputs.
linalg::Scratch deltas_over_outputs(const net::Network& network,
                                    const net::Tape& tape,
                                    const net::Term& read_out,
                                    net::Workspace& workspace);

/// What the uses of one block give to d y^a_i / d W, flat: (c, n, rows * columns) for deltas (c, n
/// * positions, channels). Where positions share the block this is smaller than the Grams of their
/// rows.
void sample_gradients(const net::Block& block,
                      std::span<const UseRecord> uses,
                      net::Workspace& workspace,
                      at::Tensor& gradients);

/// Positions that share a filter, at the uses of a block; more than one asks for gradients of each
/// sample in place of Grams.
bool is_convolution(const net::Architecture& architecture, int block);

/// The largest trained block of a convolution; 0 where there is none.
std::int64_t largest_filter(const net::Architecture& architecture);

/// How many samples go through at once, with d cotangents or gradients each.
std::int64_t samples_at_once(const net::Architecture& architecture);

}  // namespace overparam::kernel
