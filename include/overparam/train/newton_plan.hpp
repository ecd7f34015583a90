// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/ScalarType.h>

#include <cstdint>
#include <string>

#include "overparam/base/memory.hpp"
#include "overparam/net/architecture.hpp"
#include "overparam/train/options.hpp"

namespace overparam::train {

/// What stands for K in the preconditioner, from the most faithful to the cheapest.
enum class KernelModel {
  dense,      ///< K itself
  split,      ///< U U^T + K'^ (x) I_d: the part of the mean features, and the mean of the rest
  mean,       ///< K^ (x) I_d, the mean over outputs
  landmarks,  ///< Nystrom's approximation of K^ from some of its columns
};

/// How Gauss-Newton will solve its systems, and what that takes.
struct NewtonPlan {
  KernelModel model = KernelModel::mean;
  std::int64_t landmarks = 0;                ///< of Nystrom's approximation
  at::ScalarType product_type = at::kFloat;  ///< of the products with K
  double operations_of_product = 0;          ///< floating-point operations of K v
  double operations_of_setup = 0;            ///< of the preconditioner
  double products_of_solve = 0;  ///< that a solve to 1e-1 or 1e-2 can be expected to take
  base::MemoryPlan memory{"Gauss-Newton"};  ///< beside weights, features, inputs and targets

  /// Of one solve, with its preconditioner.
  [[nodiscard]] double operations() const {
    return operations_of_setup + products_of_solve * operations_of_product;
  }
  [[nodiscard]] std::string describe() const;
};

/// Chooses the model of K by operations, among those that fit the memory.
/// @param type of the weights
/// @throws Error(capacity) with the plan, where the solver that was asked for does not fit
NewtonPlan plan_newton(const net::Architecture& architecture,
                       std::int64_t num_samples,
                       at::ScalarType type,
                       const NewtonOptions& options);

}  // namespace overparam::train
