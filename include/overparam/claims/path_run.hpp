// SPDX-License-Identifier: Apache-2.0
// Training that keeps the way it took through the space of weights, and the objective along lines
// to where it ended (Goodfellow, Vinyals, Saxe 2015): what the claim goodfellow15 and the recipe
// goodfellow2015 share. The network is
//
//     h_0 = relu(A x)    h_l = relu(W_l h_{l-1}), l = 1..L    y = B h_L    A, W: N(0, 2/m), B: N(0,
//     1/m)
//
// with all layers trained by SGD with momentum on the cross-entropy. B has the variance that was
// usual when the paper was written, not the N(0, 1/d) of Definition 2.3: outputs start near zero,
// and features change in training.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "overparam/base/memory.hpp"
#include "overparam/curvature/path.hpp"
#include "overparam/net/network.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::claims {

struct PathSetting {
  std::int64_t width = 128;  ///< m
  std::int64_t depth = 1;    ///< L
  std::int64_t epochs = 40;
  std::int64_t batch = 50;
  double momentum = 0.9;
  /// In units of the critical step size of SGD at the start, of which momentum makes ten times as
  /// much. Long steps turn neurons off for good: with 1 these networks learned nothing.
  double step = 0.1;
  std::uint64_t seed = 0;  ///< of weights and batches
};

/// The network at random initialisation, of the type of the inputs.
net::Network path_network(const train::Problem& problem, const PathSetting& setting);

/// Points of a training, the first before it and the last after it.
struct PathTraining {
  std::vector<at::Tensor> points;  ///< W (P), as curvature::trained_weights
  std::vector<double> epochs;      ///< when
  std::vector<double> objective;   ///< mean loss there
  double accuracy = 0;             ///< at the end

  [[nodiscard]] const at::Tensor& start() const { return points.front(); }
  [[nodiscard]] const at::Tensor& end() const { return points.back(); }
};

/// Trains the network, keeping its weights twice an epoch.
/// @throws Error(numeric) where the training diverges
/// Time: 6 n P operations an epoch. Memory: P numbers for each point, see `plan_path`.
PathTraining train_path(const train::Problem& problem, const PathSetting& setting);

/// The mean loss of samples as a function of all weights of that network.
std::unique_ptr<curvature::Objective> path_objective(const train::Problem& problem,
                                                     const PathSetting& setting);

/// Bytes that a training and the lines to its end hold at once.
/// @param inputs dx
base::MemoryPlan plan_path(std::int64_t samples,
                           std::int64_t inputs,
                           std::int64_t outputs,
                           const PathSetting& setting);

}  // namespace overparam::claims
