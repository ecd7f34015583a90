// SPDX-License-Identifier: Apache-2.0
// Objectives of networks of images, their Hessian products and cells, timed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "overparam/curvature/objective.hpp"

namespace overparam::bench {

/// Cross-entropy of a network at its initial weights on normal images of 3 x 32 x 32 with random labels, in
/// batches of 128, means and variances of batch normalisation those of the images.
class LandscapeTimer {
 public:
  LandscapeTimer(const std::string& network, std::int64_t num_images, const std::string& activation);

  /// Weights, statistics, images, labels and directions, one .npy each under its name.
  void write(const std::filesystem::path& folder) const;

  /// Mean seconds of a Hessian product by differences of gradients.
  double product_seconds(std::int64_t times);

  /// H v by differences, and by differentiating twice: |difference| / |H v|.
  [[nodiscard]] double products_apart() const;

  /// Mean seconds of a cell of a plane of about so many cells, four or more, all threads.
  double cell_seconds(std::int64_t cells) const;

  [[nodiscard]] double value() const;

  /// Products that Lanczos took to the lowest eigenpair of the Hessian, by differentiating twice; its
  /// residual, computed anew, and its curvature.
  [[nodiscard]] std::string lowest(int max_products) const;

 private:
  net::VisionArchitecture architecture_;
  at::Tensor weights_, statistics_, images_, labels_;
  at::Tensor x_axis_, y_axis_;  // (P), unit
  std::unique_ptr<curvature::Objective> objective_;
  at::Tensor product_;  // (P)
};

}  // namespace overparam::bench
