// SPDX-License-Identifier: Apache-2.0
// One description for every network of the source documents: layers that are sums of terms, and
// blocks of weights that terms use.
//
//     g_l = sum_t s_t * Phi_t(h_from(t)) * W_block(t)^T      h_l = phi_l(g_l)
//
// A bias is a block that reads the constant 1. The last layer is the read-out, y = h_last with phi
// = identity.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "overparam/net/activation.hpp"

namespace overparam::net {

/// As the source of a term: the network's input.
inline constexpr int kInput = -1;

/// As the block of a term: no weights; the gathered features are added as they are.
inline constexpr int kSkip = -1;

/// Phi, how features become the rows that multiply a block: `positions` of the layer for each
/// sample.
enum class Gather {
  identity,  ///< features cut into as many equal rows: one a position, or all in one (flatten)
  patches,   ///< for each position, the cells of its neighbourhood one after another
  one,       ///< a single 1, whatever the source: the block is a bias
};

/// Some neighbouring columns; size -1 for all.
struct Columns {
  std::int64_t begin = 0;
  std::int64_t size = -1;

  [[nodiscard]] bool all() const { return size < 0; }
};

/// s * Phi(h_from) * W_block^T
struct Term {
  int from = kInput;  ///< an earlier layer, or kInput
  Gather gather = Gather::identity;
  int block = kSkip;
  double gain = 1;
  /// Of patches: (positions, q) int64, which of the source's cells are the neighbours of each
  /// position; a cell is source width / number of cells columns.
  at::Tensor neighbours;
  std::int64_t cells = 0;  ///< of patches: how many the source has
  Columns read;            ///< what the term sees of its source: x_t of a sequence
  Columns write;           ///< where in the layer it stands: y_t of a sequence
};

/// Features (n, positions * channels), a row of channels for each position.
struct Layer {
  std::vector<Term> terms;
  Activation activation;
  std::int64_t positions = 1;
  std::int64_t width = 0;  ///< all features; 0: what the first block gives
};

/// How the entries of a block are drawn.
enum class InitialLaw {
  normal,  ///< N(0, variance)
  signs,   ///< +- sqrt(variance), each with probability 1/2
};

/// A weight matrix (rows, columns). A block that several terms name is shared by them. With own
/// filters for every position (`positions` > 1) it holds these one below another, (positions *
/// channels, columns).
struct Block {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  double variance = 1;  ///< of an entry at the start
  bool trained = false;
  InitialLaw law = InitialLaw::normal;
  std::int64_t positions = 1;
};

/// The shape of a network without its weights: cheap to copy.
struct Architecture {
  std::string name;  ///< of its catalogue row: "fc"
  std::int64_t input_size = 0;
  std::vector<Block> blocks;
  std::vector<Layer> layers;

  /// Checks that every term fits its source and its block.
  /// @throws Error(usage) naming layer and term
  void validate() const;

  [[nodiscard]] std::int64_t width_of(int layer) const;  ///< of its features; kInput: input_size
  [[nodiscard]] std::int64_t largest_width() const;      ///< of all layers' features
  [[nodiscard]] std::int64_t num_outputs() const;
  [[nodiscard]] int num_layers() const { return static_cast<int>(layers.size()); }
  [[nodiscard]] std::int64_t num_parameters() const;
  [[nodiscard]] std::int64_t num_trained_parameters() const;

  /// How many terms use the block.
  [[nodiscard]] int uses_of(int block) const;

  /// The index of the block, or -1.
  [[nodiscard]] int find_block(const std::string& name) const;

  /// Hidden layers in order: every layer but the read-out whose features have a sign pattern.
  [[nodiscard]] std::vector<int> sign_layers() const;
};

/// Marks which blocks are trained. "hidden": all but those that read the input or write the output
/// (the paper's choice), and but biases; "all"; "first"; "last"; or names separated by commas,
/// "A,W.1".
/// @throws Error(usage) for an unknown name or an empty choice
void select_trained(Architecture& architecture, const std::string& subset);

/// Draws block number `block` at random initialisation into `out` (rows, columns): a function of
/// (seed, block name) alone, so that W^(0) can be drawn again instead of kept. In float64 too the
/// numbers are those of float32: a seed gives one network, whatever it is trained in.
void draw_initial_block(const Architecture& architecture,
                        int block,
                        std::uint64_t seed,
                        at::Tensor& out);

}  // namespace overparam::net
