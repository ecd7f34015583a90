// SPDX-License-Identifier: Apache-2.0
// The paper's networks as objectives of their trained weights.
#pragma once

#include <memory>

#include "overparam/curvature/objective.hpp"
#include "overparam/net/loss.hpp"
#include "overparam/net/network.hpp"

namespace overparam::curvature {

struct NetworkSamples {
  at::Tensor inputs;   ///< (n, dx)
  at::Tensor targets;  ///< (n, d)
  at::Tensor labels;   ///< (n), or undefined
  std::int64_t num_classes = 0;
};

/// W (P): the trained blocks of a network, one after another.
at::Tensor trained_weights(const net::Network& network);

/// W are those of `trained_weights`; the other blocks stay as they are. Gradients are the
/// network's own passes, in batches of `batch_size`.
/// @throws Error(usage) where inputs (n, dx) and targets (n, d) do not go together
std::unique_ptr<Objective> network_objective(const net::Network& network,
                                             const NetworkSamples& samples,
                                             const net::Loss& loss,
                                             std::int64_t batch_size = 1024);

}  // namespace overparam::curvature
