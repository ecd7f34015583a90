// SPDX-License-Identifier: Apache-2.0
// Training steps and bare products of given shapes, timed from inside the trainer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "overparam/linalg/narrow.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/trainer.hpp"

namespace overparam::bench {

/// A step of a network of the catalogue: n samples (b for SGD), width m, L hidden layers. The
/// convolutional one reads images of 14 x 14 with filters of 3 x 3.
struct StepShape {
  std::string network = "fc";
  train::Method method = train::Method::gd;
  std::int64_t num_samples = 0;
  std::int64_t batch_size = 0;
  std::int64_t width = 0;
  std::int64_t depth = 0;
  linalg::Products products = linalg::Products::plain;

  /// Rows that go through the network in one step.
  [[nodiscard]] std::int64_t rows() const {
    return method == train::Method::gd ? num_samples : batch_size;
  }
};

inline constexpr std::int64_t kInputSize = 785;
inline constexpr std::int64_t kImageSide = 14;
inline constexpr std::int64_t kOutputs = 10;

/// Normal inputs of norm 1, normal targets, the paper's initial weights; float32.
class StepTimer {
 public:
  explicit StepTimer(const StepShape& shape);

  /// Mean seconds of a step over `steps` steps after two that are not counted; the trainer does all
  /// that it does for a user.
  double seconds_per_step(std::int64_t steps);

  [[nodiscard]] const net::Network& network() const { return network_; }
  [[nodiscard]] const train::Problem& problem() const { return problem_; }

  /// F after the last step.
  [[nodiscard]] double objective();

 private:
  StepShape shape_;
  train::Problem problem_;
  net::Network network_;
  train::TrainState state_;
};

/// The matrix products of one step of the paper's network and nothing else, each on its own
/// preallocated tensors: L products up, L - 1 down, L for the gradient, and the read-out's two.
class ProductTimer {
 public:
  explicit ProductTimer(const StepShape& shape);
  double seconds_per_step(std::int64_t steps);
  [[nodiscard]] double flops_per_step() const;

 private:
  StepShape shape_;
  at::Tensor features_, more_features_, outputs_;  // (rows, m), (rows, m), (rows, d)
  at::Tensor read_out_;                            // (d, m)
  std::vector<at::Tensor> weights_;                // L of (m, m)
};

}  // namespace overparam::bench
