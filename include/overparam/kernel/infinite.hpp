// SPDX-License-Identifier: Apache-2.0
// Kernels of infinitely wide networks. For the paper's network, with
//
//     k0(c) = (pi - arccos c) / pi      k1(c) = (sqrt(1 - c^2) + (pi - arccos c) c) / pi
//
// and unit inputs of cosine rho = S_{-1}, the features' cosines are S_l = k1(S_{l-1}), and training
// W_1..W_L gives K -> (m / 2d) Theta_L(rho) (x) I_d with
//
//     Theta_l = k0(S_{l-1}) (Theta_{l-1} + S_{l-1}),  Theta_0 = 0  (W alone)  or  rho k0(rho)  (A
//     too).
//
// Other architectures follow the same products through their own terms: other activations,
// convolutions cell by cell, residual networks by particles (docs/kernels.md). Everything is
// computed from 1 - S, because arccos near 1 loses half of the digits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/net/architecture.hpp"

namespace overparam::kernel {

struct InfiniteOptions {
  bool conjugate = false;             ///< E y y' at the start in place of the tangent kernel
  at::ScalarType type = at::kDouble;  ///< or float32
  std::int64_t particles = 262'144;   ///< of residual networks
  std::uint64_t seed = 0;             ///< of the particles
  std::uint64_t memory_limit = 0;     ///< bytes; 0: what is available
  /// Called after each tile, never from two threads at once.
  std::function<void(std::int64_t done, std::int64_t total)> on_tile = {};
};

/// The limit kernel Theta of an architecture's trained blocks, K_infinity = scale() Theta (x) I_d.
/// Where blocks below the read-out are trained its own share, O(1) beside m, is left out; an
/// architecture that trains nothing but the read-out gives <h_L, h'_L>.
class InfiniteKernel {
 public:
  /// @throws Error(usage) for a network whose limit is not known, with the reason
  explicit InfiniteKernel(const net::Architecture& architecture, InfiniteOptions options = {});
  ~InfiniteKernel();
  InfiniteKernel(InfiniteKernel&&) noexcept;

  /// m / (2d) for fc, m / d for cnn and resnet, 1 for the others, for the read-out alone and for
  /// the conjugate kernel.
  [[nodiscard]] double scale() const;

  /// In words: closed form, quadrature, or how many particles.
  [[nodiscard]] const std::string& method() const;

  /// Of the particles, relative to the diagonal; 0 for closed forms.
  [[nodiscard]] double standard_error() const;

  /// Theta between the rows of `inputs` (n, dx): (n, n), symmetric. Time for dense networks
  /// O(n^2 (dx + L)) with half of the products; for convolutions O(n^2 L P q).
  /// @throws Error(data) for a zero row, Error(capacity) with the plan if it does not fit
  /// @throws Error(usage) if inputs are not (n, dx)
  [[nodiscard]] at::Tensor operator()(const at::Tensor& inputs) const;

  /// Theta between two data sets, (n, n').
  [[nodiscard]] at::Tensor operator()(const at::Tensor& inputs, const at::Tensor& others) const;

  /// What the kernel of n samples takes, or that between n and `others`.
  /// @param others 0: the symmetric one   @param in_memory whether with the kernel itself
  [[nodiscard]] base::MemoryPlan plan(std::int64_t n,
                                      std::int64_t others = 0,
                                      bool in_memory = true) const;

  /// The same into `out` of the options' type, such as a mapped file. False if the user
  /// interrupted.
  bool fill(const at::Tensor& inputs, at::Tensor& out) const;

  /// Theta of one pair of unit inputs at distance |x - x'|, for networks that read their input
  /// whole.
  [[nodiscard]] double at_distance(double distance) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Which blocks the limit kernel trains.
enum class DenseTrained { hidden, hidden_and_first };

/// Theta_L of the paper's network for the inputs' rows (n, dx), float64 (n, n).
at::Tensor infinite_kernel(const at::Tensor& inputs,
                           std::int64_t depth,
                           DenseTrained trained = DenseTrained::hidden);

/// H_ij = <x_i, x_j> (pi - arccos cos(x_i, x_j)) / (2 pi), float64 (n, n): the limit kernel of
/// m^(-1/2) sum_r a_r relu(w_r^T x) with w_r ~ N(0, I), a_r = +-1 fixed (Du et al. 2018, equation
/// 5).
at::Tensor two_layer_kernel(const at::Tensor& inputs);

/// Theta_L of the paper's network for one pair of unit inputs at distance |x - x'|.
double infinite_kernel_at(double distance,
                          std::int64_t depth,
                          DenseTrained trained = DenseTrained::hidden);

/// |h_l - h'_l| for l = 0..depth of two unit inputs at this distance: sqrt(2 - 2 S_l).
std::vector<double> feature_distances(double distance, std::int64_t depth);

}  // namespace overparam::kernel
