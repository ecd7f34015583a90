// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/newton_plan.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/kernel/tangent_kernel.hpp"

namespace overparam::train {

using kernel::OutputBlock;

namespace {

/// What a solve with the mean kernel takes, in products.
constexpr double kProductsOfSolve = 15;

/// Of Nystrom's approximation, where the mean kernel itself does not fit.
constexpr std::int64_t kLandmarks = 2000;

/// A pass down and a pass up, and between them each trained block's Grams or its gradient.
double operations_of_product(const net::Architecture& architecture, std::int64_t n) {
  const bool few = kernel::samples_are_few(architecture, n);
  std::vector<bool> moves;  // per layer: whether a trained block is in it or below it
  double sum = 0;
  for (const auto& layer : architecture.layers) {
    bool moved = false;
    for (const auto& term : layer.terms) {
      const bool goes_down = term.from != net::kInput && moves[static_cast<std::size_t>(term.from)];
      moved = moved || goes_down;
      if (term.block == net::kSkip) continue;
      const auto& block = architecture.blocks[static_cast<std::size_t>(term.block)];
      const auto positions = static_cast<double>(block.positions > 1 ? 1 : layer.positions);
      const double pass = 2 * static_cast<double>(n) * static_cast<double>(block.rows) *
                          static_cast<double>(block.columns) * positions;
      const double grams =
          2 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(block.rows);
      moved = moved || block.trained;
      if (goes_down) sum += 2 * pass;
      if (block.trained) sum += few ? grams : 2 * pass;
    }
    moves.push_back(moved);
  }
  return sum;
}

double cube(std::int64_t size) {
  return static_cast<double>(size) * static_cast<double>(size) * static_cast<double>(size);
}

}  // namespace

std::string NewtonPlan::describe() const {
  const std::string preconditioner =
      dense           ? "its own Cholesky factor"
      : landmarks > 0 ? fmt::format("its mean over outputs from {} landmarks", landmarks)
                      : "the Cholesky factor of its mean over outputs";
  return fmt::format(
      "conjugate gradients on K in {}, preconditioned by {} in float32; {} operations a product, "
      "{} to set up, {}",
      product_type == at::kFloat ? "float32" : "float64",
      preconditioner,
      base::format_number(operations_of_product),
      base::format_number(operations_of_setup),
      memory.describe());
}

NewtonPlan plan_newton(const net::Architecture& architecture,
                       std::int64_t n,
                       at::ScalarType type,
                       const NewtonOptions& options) {
  const std::int64_t d = architecture.num_outputs();
  const std::int64_t outputs = n * d;
  const std::uint64_t size = c10::elementSize(type);
  const double product = operations_of_product(architecture, n);

  const auto plan_of = [&](OutputBlock block, std::int64_t landmarks) {
    const bool dense = block == OutputBlock::full;
    NewtonPlan plan{.dense = dense, .landmarks = landmarks, .operations_of_product = product};
    // Few iterations follow an own factor, so they may as well be exact.
    plan.product_type = dense ? type : at::kFloat;
    const auto kernel = kernel::plan_kernel(
        architecture,
        n,
        landmarks,
        {.block = block,
         .type = landmarks > 0 ? at::kDouble : at::kFloat,
         .memory_limit = options.memory_limit > 0 ? options.memory_limit / 2 : 0},
        c10::elementSize(plan.product_type));
    const std::int64_t rows = dense ? outputs : landmarks > 0 ? landmarks : n;
    plan.operations_of_setup = kernel.operations + cube(rows) / 3;
    plan.memory.add("step and former weights", {2, architecture.num_trained_parameters()}, size);
    if (plan.product_type != type) {
      plan.memory.add("weights in float32", {architecture.num_parameters()}, sizeof(float));
    }
    plan.memory.add("vectors of conjugate gradients", {8, outputs}, sizeof(double));
    plan.memory.add(kernel.memory);
    if (landmarks > 0) plan.memory.add("low-rank factor", {3, n, landmarks}, sizeof(double));
    return plan;
  };

  const NewtonPlan dense = plan_of(OutputBlock::full, 0);
  NewtonPlan mean = plan_of(OutputBlock::trace, 0);
  if (!mean.memory.fits(options.memory_limit)) {
    mean = plan_of(OutputBlock::trace, std::min(n, kLandmarks));
  }
  if (options.solver == Solver::dense) {
    dense.memory.check(options.memory_limit);
    return dense;
  }
  const bool dense_is_cheaper = dense.operations_of_setup + 3 * product <
                                mean.operations_of_setup + kProductsOfSolve * product;
  if (options.solver == Solver::automatic && dense_is_cheaper &&
      dense.memory.fits(options.memory_limit)) {
    return dense;
  }
  mean.memory.check(options.memory_limit);
  return mean;
}

}  // namespace overparam::train
