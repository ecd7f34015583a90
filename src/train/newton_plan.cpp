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

double cube(double size) { return size * size * size; }

/// What the exact part of the split adds: derivatives along mean features, and their factor.
void add_split(const net::Architecture& architecture, std::int64_t n, NewtonPlan& plan) {
  const std::int64_t d = architecture.num_outputs();
  const auto [own, shared] = kernel::derivative_columns(architecture);
  const auto samples = static_cast<double>(n);
  plan.operations_of_setup += kernel::operations_of_derivatives(architecture, n) +
                              samples * samples * static_cast<double>(d * own + shared) +
                              samples * static_cast<double>(d * own * (own + 2 * shared)) +
                              cube(static_cast<double>(own + shared)) / 3;
  plan.memory.add(
      "cotangents of a chunk", {kernel::sample_eigenvalue_numbers(architecture, n)}, sizeof(float));
  plan.memory.add("derivatives along mean features", {n * d, own}, sizeof(float));
  plan.memory.add("their patterns below the read-out", {n, shared}, sizeof(float));
  plan.memory.add("their Gram matrix", {2, own + shared, own + shared}, sizeof(float));
}

double products_of_solve(KernelModel model, const net::Architecture& architecture, double outputs) {
  switch (model) {
    case KernelModel::dense:
      return kProductsWithKernel;
    case KernelModel::split:
      return kProductsWithSplit;
    default: {
      const auto [own, shared] = kernel::derivative_columns(architecture);
      return products_with_mean(outputs, static_cast<double>(own + shared));
    }
  }
}

/// The plan of one model of the kernel, whether it fits or not.
NewtonPlan plan_with(KernelModel model,
                     const net::Architecture& architecture,
                     std::int64_t n,
                     at::ScalarType type,
                     const NewtonOptions& options) {
  const std::int64_t outputs = n * architecture.num_outputs();
  const std::uint64_t size = c10::elementSize(type);
  const bool dense = model == KernelModel::dense;
  const std::int64_t landmarks = model == KernelModel::landmarks ? std::min(n, kLandmarks) : 0;
  NewtonPlan plan{.model = model, .operations_of_product = operations_of_product(architecture, n)};
  plan.landmarks = landmarks;
  // Few iterations follow an own factor, so they may as well be exact.
  plan.product_type = dense ? type : at::kFloat;
  plan.products_of_solve = products_of_solve(model, architecture, static_cast<double>(outputs));
  const auto kernel =
      kernel::plan_kernel(architecture,
                          n,
                          landmarks,
                          {.block = dense ? OutputBlock::full : OutputBlock::trace,
                           .type = landmarks > 0 ? at::kDouble : at::kFloat,
                           .outputs = model == KernelModel::split ? kOutputsOfRest : 0,
                           .coarse = !dense && landmarks == 0,
                           .memory_limit = options.memory_limit > 0 ? options.memory_limit / 2 : 0},
                          c10::elementSize(plan.product_type));
  const std::int64_t rows = dense ? outputs : landmarks > 0 ? landmarks : n;
  plan.operations_of_setup = kernel.operations + cube(static_cast<double>(rows)) / 3;
  plan.memory.add("step and former weights", {2, architecture.num_trained_parameters()}, size);
  if (plan.product_type != type) {
    plan.memory.add("weights in float32", {architecture.num_parameters()}, sizeof(float));
  }
  plan.memory.add("vectors of conjugate gradients", {8, outputs}, sizeof(double));
  plan.memory.add(kernel.memory);
  if (landmarks > 0) plan.memory.add("low-rank factor", {3, n, landmarks}, sizeof(double));
  if (model == KernelModel::split) add_split(architecture, n, plan);
  return plan;
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
  const auto plan_of = [&](KernelModel model) {
    return plan_with(model, architecture, n, type, options);
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
