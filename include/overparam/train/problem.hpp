// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "overparam/net/loss.hpp"

namespace overparam::train {

/// What is minimised: F(W) = sum_i loss(f(x_i), y_i*). Tensors are of the network's type and
/// device.
struct Problem {
  at::Tensor inputs;   ///< (n, dx)
  at::Tensor targets;  ///< (n, d)
  at::Tensor labels;   ///< (n) int64, or undefined: only for the accuracy
  std::int64_t num_classes = 0;
  net::Loss loss;
  double separation = 0;  ///< delta of the inputs, for the theory's step size

  [[nodiscard]] std::int64_t size() const { return inputs.size(0); }
};

}  // namespace overparam::train
