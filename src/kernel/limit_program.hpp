// SPDX-License-Identifier: Apache-2.0
// An architecture read as what happens to one pair of inputs when its layers are infinitely wide.
//
// Layers are cut into cells, one a position, whose neurons are many and alike. With fresh Gaussian
// weights in every block, and in its transpose on the way back (B has mean zero and is independent
// of the rest), the products between two samples follow
//
//     E g g'     = sum_t forward_t  sum_{cells k of t} <h_k, h'_k>
//     <h, h'>    = m E phi phi'           <delta, delta'> = <u, u'> E D D'
//     <u_k, u'_k> = sum_t backward_t <delta, delta'>,     forward = s^2 v, backward = s^2 v m_k
//     K          = sum_{trained t} s^2 sum_positions <delta, delta'> sum_k <h_k, h'_k>
//
// for gains s and weights of variance v. Only equal positions of both inputs ever meet, because
// every path through these networks ends in a dense layer.
#pragma once

#include <cstdint>
#include <vector>

#include "limit_activation.hpp"
#include "overparam/net/architecture.hpp"

namespace overparam::kernel {

struct LimitTerm {
  int source = 0;  ///< 0: the input; l + 1: layer l
  int block = 0;
  bool is_bias = false;  ///< reads the constant 1, no cell
  double gain_squared = 1;
  double forward = 0;
  double backward = 0;
  std::vector<std::vector<std::int64_t>> cells;  ///< of the source, for each position
};

struct LimitLayer {
  std::vector<LimitTerm> terms;
  LimitActivation activation;
  std::int64_t positions = 1;
  std::int64_t channels = 1;  ///< neurons of a position
  int skip_source = 0;        ///< the layer + 1 whose features are added to g; 0: none
};

struct LimitProgram {
  std::int64_t input_cells = 1;  ///< 1: the whole input; else its numbers one by one
  std::vector<LimitLayer> layers;
  std::vector<bool> trained;    ///< of each block
  std::vector<bool> read_outs;  ///< blocks of the last layer

  [[nodiscard]] bool has_skips() const;

  [[nodiscard]] bool needs_quadrature() const;

  /// Cells of a source, and of all of them.
  [[nodiscard]] std::int64_t cells_of(int source) const;
  [[nodiscard]] std::int64_t total_cells() const;
};

/// @throws Error(usage) for a network without a Gaussian limit of this kind, with the reason
LimitProgram read_limit(const net::Architecture& architecture);

}  // namespace overparam::kernel
