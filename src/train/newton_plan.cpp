// SPDX-License-Identifier: Apache-2.0
#include "overparam/train/newton_plan.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "kernel_preconditioner.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"
#include "overparam/kernel/mean_feature.hpp"
#include "overparam/kernel/tangent_kernel.hpp"
#include "overparam/linalg/products.hpp"

namespace overparam::train {

using kernel::OutputBlock;

namespace {

/// Products that a solve takes: with K itself; with its split; and with K^ (x) I_d, which is far
/// from K where n d outputs share the R derivatives along mean features. On digits at n d / R =
/// 1.6, 7 and 12 that takes 5 to 19, 14 to 42 and 21 to 42.
constexpr double kProductsWithKernel = 3;
constexpr double kProductsWithSplit = 5;
double products_with_mean(double outputs, double derivatives) {
  return 10 + 2 * outputs / derivatives;
}

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
  const auto words = [&]() -> std::string {
    switch (model) {
      case KernelModel::dense:
        return "its own Cholesky factor";
      case KernelModel::split:
        return "the part of its mean features and the mean of the rest over outputs";
      case KernelModel::mean:
        return "the Cholesky factor of its mean over outputs";
      default:
        return fmt::format("its mean over outputs from {} landmarks", landmarks);
    }
  };
  return fmt::format(
      "conjugate gradients on K in {}{}, preconditioned by {} in float32; {} operations a product, "
      "{} to set up, {}",
      product_type == at::kFloat ? "float32" : "float64",
      linalg::has_coarse_products() ? " (bfloat16 where few digits are asked for)" : "",
      words(),
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

  const auto plan_of = [&](KernelModel model) {
    const bool dense = model == KernelModel::dense;
    NewtonPlan plan{.model = model, .operations_of_product = product};
    if (model == KernelModel::landmarks) plan.landmarks = std::min(n, kLandmarks);
    // Few iterations follow an own factor, so they may as well be exact.
    plan.product_type = dense ? type : at::kFloat;
    const auto kernel = kernel::plan_kernel(
        architecture,
        n,
        plan.landmarks,
        {.block = dense ? OutputBlock::full : OutputBlock::trace,
         .type = plan.landmarks > 0 ? at::kDouble : at::kFloat,
         .outputs = model == KernelModel::split ? kOutputsOfRest : 0,
         .coarse = !dense && plan.landmarks == 0,
         .memory_limit = options.memory_limit > 0 ? options.memory_limit / 2 : 0},
        c10::elementSize(plan.product_type));
    const std::int64_t rows = dense ? outputs : plan.landmarks > 0 ? plan.landmarks : n;
    plan.operations_of_setup = kernel.operations + cube(rows) / 3;
    plan.memory.add("step and former weights", {2, architecture.num_trained_parameters()}, size);
    if (plan.product_type != type) {
      plan.memory.add("weights in float32", {architecture.num_parameters()}, sizeof(float));
    }
    plan.memory.add("vectors of conjugate gradients", {8, outputs}, sizeof(double));
    plan.memory.add(kernel.memory);
    if (plan.landmarks > 0)
      plan.memory.add("low-rank factor", {3, n, plan.landmarks}, sizeof(double));
    const auto [own, shared] = kernel::derivative_columns(architecture);
    const auto R = static_cast<double>(own + shared);
    if (model == KernelModel::split) {
      const auto each = static_cast<double>(outputs);
      plan.operations_of_setup +=
          kernel::operations_of_derivatives(architecture, n) +
          static_cast<double>(n) * static_cast<double>(n * (d * own + shared)) +
          each * static_cast<double>(own * (own + 2 * shared)) + R * R * R / 3;
      plan.memory.add("cotangents of a chunk",
                      {kernel::sample_eigenvalue_numbers(architecture, n)},
                      sizeof(float));
      plan.memory.add("derivatives along mean features", {outputs, own}, sizeof(float));
      plan.memory.add("their patterns below the read-out", {n, shared}, sizeof(float));
      plan.memory.add("their Gram matrix", {2, own + shared, own + shared}, sizeof(float));
    }
    plan.products_of_solve = dense ? kProductsWithKernel
                             : model == KernelModel::split
                                 ? kProductsWithSplit
                                 : products_with_mean(static_cast<double>(outputs), R);
    return plan;
  };

  if (options.solver == Solver::dense) {
    const NewtonPlan dense = plan_of(KernelModel::dense);
    dense.memory.check(options.memory_limit);
    return dense;
  }
  std::vector<KernelModel> models{KernelModel::split, KernelModel::mean};
  if (options.solver == Solver::automatic) models.push_back(KernelModel::dense);
  std::optional<NewtonPlan> best;
  for (const auto model : models) {
    const NewtonPlan plan = plan_of(model);
    const bool cheaper = !best || plan.operations() < best->operations();
    if (cheaper && plan.memory.fits(options.memory_limit)) best = plan;
  }
  if (best) return *best;
  const NewtonPlan least = plan_of(KernelModel::landmarks);
  least.memory.check(options.memory_limit);
  return least;
}

}  // namespace overparam::train
