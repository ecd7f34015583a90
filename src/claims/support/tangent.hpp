// SPDX-License-Identifier: Apache-2.0
// The tangent space of a network at its inputs, and how far it moves: in a ball around the initial
// weights, and along a training. Settings: n samples (10 along a training, 5 in a ball), "scale" of
// the targets; see the functions.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "overparam/claims/claim.hpp"
#include "overparam/net/network.hpp"

namespace overparam::claims {

/// The gradients of all outputs at all samples, never formed: for a dense block each is the product
/// delta z^T of a backward row and the features below.
class TangentFeatures {
 public:
  /// @throws Error(internal) for a trained block that multiplies several rows of a sample, or is
  /// shared Memory n (d + 1) m for each trained block.
  TangentFeatures(const net::Network& network, const at::Tensor& inputs, net::Workspace& workspace);

  /// |grad y(x_i)|_F^2 over all outputs, (n) float64.
  [[nodiscard]] at::Tensor squared_norms() const;

  /// |grad y'(x_i) - grad y(x_i)|_F^2 over all outputs, (n) float64, without cancellation:
  /// delta' z'^T - delta z^T = (delta' - delta) z'^T + delta (z' - z)^T.
  /// @param moved of the same inputs at other weights
  [[nodiscard]] at::Tensor squared_changes(const TangentFeatures& moved) const;

 private:
  std::vector<at::Tensor> deltas_;  // (d, n, m) for each trained block
  std::vector<at::Tensor> below_;   // (n, m)
};

/// |K' - K| / sqrt(K_pp K_qq) for kernels (N, N), entry by entry.
at::Tensor relative_kernel_change(const at::Tensor& moved, const at::Tensor& start);

/// What perturbations of |W'|_2 = omega change in the tangent space of the paper's network: a row
/// for each radius and family. Settings: m, L, d; "omega" (absent: a sweep) or "root_m", omega =
/// that / sqrt m; "gain"; "flat", the share of the last layer's rows whose pre-activations are made
/// zero (0 in every statement; controls break it). Columns: gradient_change, the mean over samples
/// of |grad y' - grad y|_F / |grad y|_F; kernel_change, the mean over samples of the largest
/// relative change of an entry of K in their row; flips of the last hidden layer, and counted, the
/// flips of all samples and directions; change_h, |h'_L - h_L|. The random row is the mean over
/// three directions. The adversary has a W' for each sample that flips
/// signs of its last hidden layer, either way or only from off to on, and the larger of each column
/// counts.
std::vector<Row> measure_tangent_ball(const Point& point);

/// One training by gradient descent with eta = 1 / (2 lambda_max(K_0)) to F <= ratio F_0 beside its
/// linear model at the initial weights with the same steps, f <- f - eta K_0 (f - y*): a single row
/// of the family "trajectory". Settings: m, L, d; "delta" (0.5); "ratio" (0.01); "scale" (1): the
/// targets are y(W^(0)) + scale * N(0, 1), as if y(W^(0)) were subtracted from the network, and
/// with "plain" N(0, 1) themselves; "grown" multiplies by sqrt m; "smooth" replaces ReLU by
/// softplus; "gain".
///
/// Columns: omega = max_l |W_l - W_l^(0)|_2; gradient_change, the root mean square over samples of
/// the relative change of the gradients; kernel_change, the largest relative change of an entry of
/// K; flips_share, the largest share of signs changed in a layer; linearisation, the largest |y(W)
/// - y(W^(0)) - <grad y(W^(0)), W - W^(0)>| over the samples, and linearisation_slope, that over
/// sum_l |W_l - W_l^(0)|_2; outputs_apart, sup_t max_i |f_t - f_t^lin|; objectives_apart, |F -
/// F^NTK| / F_0 at the last step, and sup_objectives_apart, its largest over the steps; steps.
std::vector<Row> measure_tangent_training(const Point& point);

/// One of the two: the training where the point is of the design "training".
std::vector<Row> measure_tangent(const Point& point);

/// The designs "omega", "m" and "L" of the ball, and "training".
/// @param quick_seeds of the design "omega" at the quick scale
std::vector<Design> tangent_designs(Scale scale, int quick_seeds);

/// The same at a size that takes a second.
std::vector<Design> small_tangent_designs();

/// Trainings over widths in two arms: outputs at the start subtracted, and left as they are.
std::vector<Design> centred_and_plain(const Values& fixed,
                                      const std::vector<double>& widths,
                                      int seeds);

/// Bytes of either.
std::uint64_t tangent_memory(const Point& point);

}  // namespace overparam::claims
