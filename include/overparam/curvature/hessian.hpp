// SPDX-License-Identifier: Apache-2.0
// Products with the Hessian of an objective. Where the network has kinks, H is that of the
// objective smoothed: a difference of gradients over a finite step is the Hessian's mean along the
// step, with the kinks on the way, which differentiating twice leaves out.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "overparam/curvature/objective.hpp"

namespace overparam::curvature {

/// What "H v" means, for a unit vector u = v / |v|.
enum class ProductKind {
  /// |v| (grad f(W + e u) - grad f(W - e u)) / (2 e): the mean of H over the segment, kinks
  /// included.
  difference,
  /// The mean of that over W + xi for Gaussian xi, the same ones for every v: the Hessian of the
  /// smoothed objective E f(W + xi), up to O(e^2).
  smoothed,
  /// Differentiating twice (Pearlmutter 1994). Wrong for ReLU: on a small ResNet-20 its curvature
  /// along the gradient was 22 to 41 % too low.
  autograd,
};
std::string to_string(ProductKind kind);
/// @throws Error(usage) with the names
ProductKind parse_product_kind(const std::string& name);

struct ProductOptions {
  ProductKind kind = ProductKind::difference;
  double step = 1e-3;   ///< e / |W|
  double sigma = 3e-3;  ///< of smoothing: |xi| of a filter is this share of the filter's norm
  int draws = 8;        ///< of xi
  std::uint64_t seed = 0;
};

/// v -> H v at one point, for v and results of the weights' type or float64.
class HessianProduct {
 public:
  /// @param objective must outlive this
  /// @param weights (P), where H is taken
  /// @throws Error(usage) for options out of range, or second derivatives that are not there
  HessianProduct(const Objective& objective,
                 const at::Tensor& weights,
                 const ProductOptions& options);

  /// out (P) = H v. A zero v gives zero.
  void operator()(const at::Tensor& v, at::Tensor& out) const;

  /// The same with the gradients of one batch alone, both of the same batch.
  void of_batch(std::int64_t batch, const at::Tensor& v, at::Tensor& out) const;

  [[nodiscard]] const Objective& objective() const { return objective_; }
  [[nodiscard]] const at::Tensor& weights() const { return weights_; }
  [[nodiscard]] const ProductOptions& options() const { return options_; }

  /// e, as a length in the space of weights.
  [[nodiscard]] double step_length() const { return step_; }

  [[nodiscard]] std::string describe() const;

 private:
  /// One batch of the objective, or all (-1).
  void multiply(std::int64_t batch, const at::Tensor& v, at::Tensor& out) const;
  void add_difference(std::int64_t batch,
                      const at::Tensor& centre,
                      const at::Tensor& unit,
                      double factor,
                      at::Tensor& out) const;

  const Objective& objective_;
  at::Tensor weights_;
  ProductOptions options_;
  double step_;
};

/// Adds to `weights` Gaussian noise of which each filter gets sigma times its own norm: with ||w||
/// the norm of a filter of k numbers, N(0, (sigma ||w||)^2 / k) each; tensors of one dimension
/// count as one filter.
void add_filter_noise(const std::vector<net::WeightTensor>& tensors,
                      double sigma,
                      std::uint64_t seed,
                      std::uint64_t draw,
                      at::Tensor& weights);

/// v^T H v of a unit vector from the losses alone, (f(W + e v) - 2 f(W) + f(W - e v)) / e^2: a
/// check that shares nothing with gradients. Needs float64, or e from a hundredth of |W| on.
double curvature_by_losses(const Objective& objective,
                           const at::Tensor& weights,
                           const at::Tensor& v,
                           double length);

}  // namespace overparam::curvature
