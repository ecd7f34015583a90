// SPDX-License-Identifier: Apache-2.0
// One tile of a tangent kernel, summed block by block while a backward pass goes by.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "overparam/kernel/tangent_kernel.hpp"
#include "uses.hpp"

namespace overparam::kernel {

/// Numbers in the largest product that one thread has in hand.
inline constexpr std::int64_t kProductNumbers = 1 << 20;

/// Indices of the trained blocks, in the order of the architecture.
std::vector<int> trained_blocks(const net::Architecture& architecture);

/// Numbers kept for each sample beside the passes' own: gradients or patches of convolutions,
/// deltas of shared blocks.
std::int64_t kept_numbers(const net::Architecture& architecture, std::int64_t cotangents);

/// Floating-point operations of one sample's forward pass and `cotangents` backward passes.
double operations_of_passes(const net::Architecture& architecture, std::int64_t cotangents);

/// Of the Grams of one pair of samples.
double operations_of_pair(const net::Architecture& architecture,
                          std::int64_t cotangents,
                          OutputBlock block);

class TileSum {
 public:
  /// Samples on both sides. Symmetric: the same ones, of which the pass holds one copy; else the
  /// pass holds those of the rows, then those of the columns.
  struct Shape {
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    bool symmetric = false;
  };

  TileSum(const Shape& shape, std::int64_t cotangents, const KernelOptions& options);

  /// Adds what all uses of one block give; for the trace, deltas (1, ...) stand for those of all
  /// outputs and have the sum of their products. False if the user interrupted.
  bool add(const net::Block& block,
           std::span<const UseRecord> uses,
           std::int64_t part,
           net::Workspace& workspace);

  /// Puts the tile, and its mirror image where the whole kernel is symmetric, into the kernel.
  void write(std::int64_t row, std::int64_t column, bool mirrored, at::Tensor& kernel);

 private:
  struct Factors;
  struct Piece;
  struct Term;

  bool add_products(const Factors& left, const Factors& right, double gain, at::Tensor& sum);
  void add_piece(const Factors& left,
                 const Factors& right,
                 double gain,
                 const Piece& piece,
                 at::Tensor& sum) const;
  [[nodiscard]] bool is_whole(const Piece& piece) const;
  void add_all_pairs(const Term& term, at::Tensor& sum) const;
  void add_pairs(Term& term, const Piece& piece, at::Tensor& sum) const;
  [[nodiscard]] static at::Tensor part_of(const at::Tensor& block, const Piece& piece);
  [[nodiscard]] std::int64_t samples_in_piece(const Factors& factors) const;
  [[nodiscard]] std::vector<Piece> pieces_of(std::int64_t step) const;
  void split_diagonal(std::int64_t begin, std::int64_t size, std::vector<Piece>& pieces) const;
  void fill_lower(at::Tensor& sum) const;
  [[nodiscard]] at::Tensor block_of(at::Tensor& sum, std::int64_t a, std::int64_t b) const;

  Shape shape_;
  std::int64_t c_;  ///< cotangents
  const KernelOptions& options_;
  std::vector<at::Tensor> sums_;  ///< of each part: (c, rows, c, columns), (c, ...) or (rows, ...)
};

}  // namespace overparam::kernel
