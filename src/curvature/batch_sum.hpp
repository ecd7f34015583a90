// SPDX-License-Identifier: Apache-2.0
// Sums over batches, shared among threads in a fixed way: the same number of threads gives the same
// bits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "overparam/curvature/objective.hpp"

namespace overparam::curvature {

/// Sums of losses and of samples classified right, over the samples of one batch or more.
struct LossSums {
  double losses = 0;
  std::int64_t correct = -1;  ///< -1: no labels
  std::int64_t samples = 0;

  void add(const LossSums& other);
  [[nodiscard]] Value value() const;  ///< means
};

/// Batches k, k + T, k + 2 T, ... go to the k-th of T workers, one after another; the workers' sums
/// are added in order.
/// @param batch(index, into): the sums of one batch; adds its gradient of the SUM of losses to
/// `into` (P), which is undefined where no gradient is wanted
/// @param into (P) receives the gradient of the sum, or is null
LossSums sum_batches(std::int64_t num_batches,
                     const std::function<LossSums(std::int64_t, at::Tensor&)>& batch,
                     at::Tensor* into);

/// How many workers `sum_batches` takes.
std::int64_t workers_for(std::int64_t num_batches);

}  // namespace overparam::curvature
