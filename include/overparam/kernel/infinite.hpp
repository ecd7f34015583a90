// SPDX-License-Identifier: Apache-2.0
// Kernels of infinitely wide dense ReLU networks in closed form. With
//
//     k0(c) = (pi - arccos c) / pi      k1(c) = (sqrt(1 - c^2) + (pi - arccos c) c) / pi
//
// and unit inputs of cosine rho = S_{-1}, the features' cosines are S_l = k1(S_{l-1}), and training
// W_1..W_L gives K -> (m / 2d) Theta_L(rho) (x) I_d with
//
//     Theta_l = k0(S_{l-1}) (Theta_{l-1} + S_{l-1}),  Theta_0 = 0  (W alone)  or  rho k0(rho)  (A
//     too).
//
// Everything is computed from 1 - S, because arccos near 1 loses half of the digits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace overparam::kernel {

/// Which blocks the limit kernel trains. The read-out's share is O(1) beside m and left out.
enum class DenseTrained { hidden, hidden_and_first };

/// Theta_L for the inputs' rows (n, dx), float64 (n, n): K -> (m / 2d) Theta (x) I_d. Rows of other
/// norms than 1 are served by homogeneity: Theta scales as |x| |x'|.
/// Time O(n^2 (dx + L)), memory 3 n^2.
at::Tensor infinite_kernel(const at::Tensor& inputs,
                           std::int64_t depth,
                           DenseTrained trained = DenseTrained::hidden);

/// H_ij = <x_i, x_j> (pi - arccos cos(x_i, x_j)) / (2 pi), float64 (n, n): the limit kernel of
/// m^(-1/2) sum_r a_r relu(w_r^T x) with w_r ~ N(0, I), a_r = +-1 fixed (Du et al. 2018, equation
/// 5), which is Theta_0 / 2 with A trained.
at::Tensor two_layer_kernel(const at::Tensor& inputs);

/// Theta_L for one pair of unit inputs at distance |x - x'|.
double infinite_kernel_at(double distance,
                          std::int64_t depth,
                          DenseTrained trained = DenseTrained::hidden);

/// |h_l - h'_l| for l = 0..depth of two unit inputs at this distance: sqrt(2 - 2 S_l).
std::vector<double> feature_distances(double distance, std::int64_t depth);

}  // namespace overparam::kernel
