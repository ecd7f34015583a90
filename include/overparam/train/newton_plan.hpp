// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/ScalarType.h>

#include <cstdint>
#include <string>

#include "overparam/base/memory.hpp"
#include "overparam/net/architecture.hpp"
#include "overparam/train/options.hpp"

namespace overparam::train {

/// How Gauss-Newton will solve its systems, and what that takes.
struct NewtonPlan {
  bool dense = false;          ///< Cholesky of K preconditions, not of its mean over outputs
  std::int64_t landmarks = 0;  ///< of Nystrom's approximation of the mean kernel; 0: all of it
  at::ScalarType product_type = at::kFloat;  ///< of the products with K
  double operations_of_product = 0;          ///< floating-point operations of K v
  double operations_of_setup = 0;            ///< of the preconditioner
  base::MemoryPlan memory{"Gauss-Newton"};   ///< beside weights, features, inputs and targets

  [[nodiscard]] std::string describe() const;
};

/// Chooses between K and its mean over outputs by operations and memory. K counts with its Cholesky
/// factor, the mean with the 15 products that a solve to 1e-2 takes then (8 to 17 on digits).
/// @param type of the weights
/// @throws Error(capacity) with the plan, where the solver that was asked for does not fit
NewtonPlan plan_newton(const net::Architecture& architecture,
                       std::int64_t num_samples,
                       at::ScalarType type,
                       const NewtonOptions& options);

}  // namespace overparam::train
