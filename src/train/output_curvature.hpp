// SPDX-License-Identifier: Apache-2.0
// What Gauss-Newton needs of a loss: a positive semi-definite curvature in the outputs.
#pragma once

#include <ATen/core/Tensor.h>

#include "overparam/net/loss.hpp"

namespace overparam::train {

/// H_i = S_i S_i^T of every sample and c with S c = g, the loss's gradient in the outputs.
///
/// H_i is the loss's Hessian in the d outputs with the absolute values of its eigenvalues: the
/// Hessian itself for convex losses, the identity for the squared one. Where H_i is flat along the
/// gradient, in the linear parts of Huber's loss or where a softmax is sure of the wrong class, the
/// quadratic model has no use; there the curvature along g is raised to |g|^2 / loss, with which
/// the model steps to where the tangent of the loss meets zero (Polyak's step). Eigenvalues below
/// 1e-4 of the sample's largest are raised to that, so that S can be inverted.
///
/// All in float64 on the CPU; memory n d^2, time O(n d^3), nothing for the squared loss.
class OutputCurvature {
 public:
  /// @param outputs, targets (n, d)
  OutputCurvature(const net::Loss& loss, const at::Tensor& outputs, const at::Tensor& targets);

  [[nodiscard]] bool is_identity() const { return !root_.defined(); }

  /// c (n d)
  [[nodiscard]] const at::Tensor& whitened_gradient() const { return whitened_; }

  /// S v, S^T v, S^-1 v and S^-T v for v (n d).
  [[nodiscard]] at::Tensor apply(const at::Tensor& v) const;
  [[nodiscard]] at::Tensor apply_transposed(const at::Tensor& v) const;
  [[nodiscard]] at::Tensor apply_inverse(const at::Tensor& v) const;
  [[nodiscard]] at::Tensor apply_inverse_transposed(const at::Tensor& v) const;

  /// tr(H_i) / d of each sample, (n), and its mean over samples; the identity has 1
  [[nodiscard]] const at::Tensor& curvatures() const { return curvatures_; }
  [[nodiscard]] double mean_curvature() const { return mean_curvature_; }

  /// H_i^-1 (n, d, d)
  [[nodiscard]] at::Tensor inverses() const;

 private:
  at::Tensor root_;     // S (n, d, d)
  at::Tensor inverse_;  // S^-1 (n, d, d)
  at::Tensor curvatures_;
  double mean_curvature_ = 1;
  at::Tensor whitened_;
};

}  // namespace overparam::train
