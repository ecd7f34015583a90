// SPDX-License-Identifier: Apache-2.0
// The parts of a plan that are really run: some training and a few Gauss-Newton steps on a subset,
// and one step on all of the data.
#pragma once

#include <cstdint>
#include <optional>

#include "overparam/net/architecture.hpp"
#include "overparam/study/data_plan.hpp"
#include "overparam/train/problem.hpp"

namespace overparam::study {

/// Gradient descent on a subset for as long as the limits allow, and the steps of the linear model
/// to the objective that it came to.
struct Excess {
  std::int64_t steps = 0;
  double ratio = kUnknown;   ///< F at the end over F at the start
  double excess = kUnknown;  ///< steps over the linear model's; NaN where it makes none
};
Excess measure_excess(const net::Architecture& architecture,
                      const train::Problem& problem,
                      const at::TensorOptions& options,
                      std::uint64_t seed,
                      double ratio,
                      const PlanLimits& limits);

/// Gauss-Newton with every system solved to 1e-3.
struct NewtonCount {
  std::optional<std::int64_t>
      steps;                     ///< to the ratio; nothing: more than 30, or no step led further
  double ratio = kUnknown;       ///< F at the end over F at the start
  double lambda_min = kUnknown;  ///< of K at the start
  double lambda_max = kUnknown;
};
NewtonCount count_newton_steps(const net::Architecture& architecture,
                               const train::Problem& problem,
                               const at::TensorOptions& options,
                               std::uint64_t seed,
                               double ratio,
                               std::uint64_t memory_limit);

/// Wall time of one step of gradient descent on this problem, the best of a few.
double time_step(const net::Architecture& architecture,
                 const train::Problem& problem,
                 const at::TensorOptions& options,
                 std::uint64_t seed,
                 double step_size);

/// Floating-point operations of a pass forwards and one backwards over one sample.
double operations_of_step(const net::Architecture& architecture);

}  // namespace overparam::study
