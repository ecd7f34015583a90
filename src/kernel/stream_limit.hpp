// SPDX-License-Identifier: Apache-2.0
// Residual networks with the activation around the sum, h_l = relu(h_{l-1} + W_l h_{l-1}), have no
// recursion of correlations alone: a neuron's masks depend on each other, because the skip carries
// its value on. Their limit is a process of single neurons, followed here by particles:
//
//     H_l = relu(H_{l-1} + G_l),  G_l ~ N(0, v_l) fresh      D_l = 1[H_{l-1} + G_l > 0]
//     P(l..j) = E prod_{i=l..j} D_i D_i'                     for the copies of two inputs
//     <delta_l, delta'_l> = sum_{j >= l} e_j P(l..j)
//
// with e_j the cotangents that arrive at layer j through weights.
#pragma once

#include <cstdint>
#include <vector>

#include "limit_program.hpp"

namespace overparam::kernel {

/// Of two inputs of norm 1.
struct LimitValues {
  double tangent = 0;
  double read_out = 0;
  double conjugate = 0;
};

struct LimitEstimate {
  LimitValues mean;
  LimitValues standard_error;
};

/// For each pair of inputs, given by its gap 1 - cos.
/// @param particles in all, over eight independent shifts of one Sobol sequence, from whose spread
/// the standard error comes; the same for all pairs, so that values are smooth in the gap
std::vector<LimitEstimate> stream_limits(const LimitProgram& program,
                                         const std::vector<double>& gaps,
                                         std::int64_t particles,
                                         std::uint64_t seed);

}  // namespace overparam::kernel
